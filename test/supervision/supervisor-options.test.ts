import assert from "node:assert/strict";
import { test } from "node:test";
import { SupervisorError } from "../../src/index.ts";
import { checkDynamicSupervisorOptions, checkSupervisorOptions } from "../../src/supervision/supervisor-options.ts";

test("the defaults are OTP's: one_for_one, three restarts in five seconds, no shutdown by itself", () => {
  assert.deepEqual(checkSupervisorOptions({ strategy: undefined } as never), {
    strategy: "one_for_one",
    autoShutdown: "never",
    limits: { maxRestarts: 3, maxSeconds: 5 },
  });
  assert.deepEqual(checkDynamicSupervisorOptions({}), {
    maxChildren: Number.POSITIVE_INFINITY,
    limits: { maxRestarts: 3, maxSeconds: 5 },
  });
});

test("what can't be used is refused in a sentence that says what it takes", () => {
  const refused: readonly (readonly [unknown, RegExp])[] = [
    [{ strategy: "simple_one_for_one" }, /strategy takes one of "one_for_one", .*it got simple_one_for_one/],
    [{ autoShutdown: true }, /autoShutdown takes one of/],
    [{ maxRestarts: -1 }, /maxRestarts takes a number, 0 or more; it got -1/],
    [{ maxSeconds: 0 }, /maxSeconds takes a number, more than 0/],
    [{ maxSeconds: "5" }, /it got 5/],
    [{ maxRestart: 5 }, /There is no option maxRestart\. Did you mean maxRestarts\?/],
    [{ maxChildren: 5 }, /There is no option maxChildren/],
    [null, /options are an object/],
  ];
  for (const [options, says] of refused) {
    assert.throws(
      () => checkSupervisorOptions(options as never),
      (error) => error instanceof SupervisorError && error.reason === "bad_option" && says.test(error.message),
      String(says),
    );
  }
  assert.throws(
    () => checkDynamicSupervisorOptions({ maxChildren: Number.NaN }),
    /maxChildren takes a number, 0 or more/,
  );
});
