/** What can be fuzzed: a name, the corpus that it starts from, and a check that throws when a rule is broken. */
import type { Mutator } from "./mutation.ts";
import type { Random } from "./random.ts";

export type Target = {
  /** On the command line: `npm run fuzz -- --target NAME`. */
  readonly name: string;
  /** Its folder in test/fuzz/corpus/. */
  readonly corpus: string;
  /** Mutations that know what such an input is made of, beside those that fit any bytes. */
  readonly mutators?: readonly Mutator[];
  /**
   * Throws when the input shows a fault, and otherwise says in a few words what became of it: inputs with a new answer are
   * mutated further. `random` is drawn from the input, so the same bytes are always checked in the same way.
   */
  readonly check: (input: Uint8Array, random: Random) => string | Promise<string>;
  /** Ends what the target keeps running. */
  readonly end?: () => Promise<void>;
};
