/**
 * The fuzzer: a target is tried with its corpus as it is, then with inputs mutated from it, until it fails or the time is over.
 *
 * It sees nothing of the code's paths. What guides it is what the target says of an input: one with an answer that
 * hasn't come before joins the seeds for the rest of the run.
 */
import { seedsOf } from "./corpus.ts";
import { mutated } from "./mutation.ts";
import { Random, seedOf } from "./random.ts";
import { shrink } from "./shrink.ts";
import type { Target } from "./target.ts";

/** An input that breaks a rule, as small as it could be made. */
export type Finding = { readonly input: Uint8Array; readonly error: unknown };
export type Run = { readonly executions: number; readonly answers: number; readonly finding?: Finding };
/** Asked before each execution with the number of those before it: is there time for one more? */
export type GoOn = (executions: number) => boolean;

/** Seeds beyond this length are slow in any decoder that goes byte by byte: they are taken one time in this many. */
const LONG = 1024;
const LONG_ONCE_IN = 50;
/** Inputs with a new answer that are kept; then each replaces an older one. */
const MAX_KEPT = 1000;

/** Checks one input as it is. Throws what is wrong with it. */
export async function tryInput(target: Target, input: Uint8Array): Promise<string> {
  return target.check(input, new Random(seedOf(input)));
}

export async function fuzz(target: Target, seed: number, goOn: GoOn): Promise<Run> {
  const random = new Random(seed);
  const seeds = seedsOf(target.corpus).map(({ bytes }) => bytes);
  const kept: Uint8Array[] = [];
  const answers = new Set<string>();
  let executions = 0;
  const execute = async (input: Uint8Array): Promise<unknown> => {
    executions++;
    try {
      const answer = await tryInput(target, input);
      if (answers.has(answer)) return undefined;
      answers.add(answer);
      if (kept.length < MAX_KEPT) kept.push(input);
      else kept[random.below(MAX_KEPT)] = input;
      return undefined;
    } catch (error) {
      return error;
    }
  };
  const draw = (): Uint8Array => {
    for (;;) {
      const drawn = random.pick(kept.length > 0 && random.once(2) ? kept : seeds);
      if (drawn.length <= LONG || random.once(LONG_ONCE_IN)) return drawn;
    }
  };
  const found = async (input: Uint8Array): Promise<Run> => {
    const fails = (smaller: Uint8Array) =>
      tryInput(target, smaller).then(
        () => false,
        () => true,
      );
    const small = await shrink(input, fails);
    const error = await tryInput(target, small).then(
      () => undefined,
      (fault: unknown) => fault,
    );
    return { executions, answers: answers.size, finding: { input: small, error } };
  };
  for (const input of seeds) if ((await execute(input)) !== undefined) return found(input);
  while (goOn(executions)) {
    const input = mutated(draw(), draw(), random, target.mutators ?? []);
    if ((await execute(input)) !== undefined) return found(input);
  }
  return { executions, answers: answers.size };
}
