/**
 * The place of supervisors: their shapes stand (section 3 of the design), the running of them is a later version's.
 * Each is refused with a sentence, not accepted and ignored.
 */
import { NotBuiltError } from "../not-built.ts";
import type { Child, ChildSpec } from "./child-spec.ts";

export type SupervisorOptions = {
  readonly strategy?: "one_for_one" | "one_for_all" | "rest_for_one";
  readonly maxRestarts?: number;
  readonly maxSeconds?: number;
  readonly name?: string | symbol;
  readonly autoShutdown?: "never" | "any_significant" | "all_significant";
};

function refuse(what: string): never {
  throw new NotBuiltError(
    `${what} isn't built in this version. Until then, start connections with start() and watch .exited; each reconnects by itself.`,
  );
}

/** Starts children in order and restarts those that crash. This version refuses it. */
export const Supervisor = {
  /** @throws NotBuiltError */
  start: (_children: readonly ChildSpec[], _options?: SupervisorOptions): Child => refuse("Supervisor.start()"),
  /** @throws NotBuiltError */
  startLink: (_children: readonly ChildSpec[], _options?: SupervisorOptions): Child => refuse("Supervisor.startLink()"),
} as const;

/** Thousands of alike children. This version refuses it. */
export const DynamicSupervisor = {
  /** @throws NotBuiltError */
  start: (
    _options?: Pick<SupervisorOptions, "maxRestarts" | "maxSeconds"> & { readonly maxChildren?: number },
  ): Child => refuse("DynamicSupervisor.start()"),
} as const;
