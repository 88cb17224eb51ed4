/**
 * Type tests: the files beside this one are compiled, never run. A line under `@ts-expect-error CODE: why` must not compile, and
 * for that reason; every other line must. types.test.ts sees to both, and so does `npx tsc --noEmit`.
 */

/** Are two types the very same? Assignability alone would let `any` pass, and a union that is too wide. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only when a value's type is exactly `Expected`: `exactly<number>()(value, true)`. */
export const exactly =
  <Expected>() =>
  <Actual>(_value: Actual, _isSame: Same<Actual, Expected>): void => {};

/** Some address; nothing here is ever opened. */
export const uri = "ws://127.0.0.1:9/";
