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
/** ms that an input is made smaller for. */
const SHRINKING = 20_000;
/** Inputs with a new answer that are kept; then each replaces an older one. */
const MAX_KEPT = 1000;

/** Checks one input as it is. Throws what is wrong with it. */
export async function tryInput(target: Target, input: Uint8Array): Promise<string> {
  return target.check(input, new Random(seedOf(input)));
}

/** What is wrong with an input; undefined for nothing. */
async function faultOf(target: Target, input: Uint8Array): Promise<unknown> {
  return tryInput(target, input).then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** `begin` is told of each input before it is checked. */
export async function fuzz(
  target: Target,
  seed: number,
  goOn: GoOn,
  begin: (target: Target, input: Uint8Array) => void = () => undefined,
): Promise<Run> {
  const random = new Random(seed);
  const seeds = seedsOf(target.corpus).map(({ bytes }) => bytes);
  const kept: Uint8Array[] = [];
  const answers = new Set<string>();
  let executions = 0;
  const execute = async (input: Uint8Array): Promise<unknown> => {
    executions++;
    begin(target, input);
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
  const found = async (input: Uint8Array, error: unknown): Promise<Run> => {
    const until = performance.now() + SHRINKING;
    const fails = async (smaller: Uint8Array) => {
      if (performance.now() > until) return false;
      begin(target, smaller);
      return (await faultOf(target, smaller)) !== undefined;
    };
    const small = await shrink(input, fails);
    const again = await faultOf(target, small);
    // What doesn't fail again has to do with what was tried before it: then the input as it came is all that is known.
    const finding = again === undefined ? { input, error } : { input: small, error: again };
    return { executions, answers: answers.size, finding };
  };
  for (const input of seeds) {
    const error = await execute(input);
    if (error !== undefined) return found(input, error);
  }
  while (goOn(executions)) {
    const input = mutated(draw(), draw(), random, target.mutators ?? []);
    const error = await execute(input);
    if (error !== undefined) return found(input, error);
  }
  return { executions, answers: answers.size };
}
