/**
 * What a sub-command is: how it is called, what its help says, and what it does.
 */
import type { Arguments, OptionTable } from "./arguments.ts";
import type { Host } from "./host.ts";

export interface Command {
  readonly name: string;
  /** Its line in the general help. */
  readonly summary: string;
  /** What follows its name: "[options] URL". */
  readonly usage: string;
  /** Paragraphs of its own help. */
  readonly description: readonly string[];
  readonly options: OptionTable;
  readonly examples: readonly (readonly [line: string, what: string])[];
  readonly exitCodes: readonly (readonly [code: number, when: string])[];
  /** Resolves with the exit code. @throws UsageError before anything has been opened */
  run(args: Arguments, host: Host): Promise<number>;
}
