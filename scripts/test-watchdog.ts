/**
 * Loaded before each test file (`--import`): ends the file's process, with the test's name, when a test takes too long.
 *
 * Node 20's runner hands its timeout to files, not to their tests. A test that hangs would cost the file's whole
 * allowance, and nobody would learn which it was. A test that has a limit of its own, a shorter one, keeps it.
 * What takes longer for a good reason, such as a packed tarball's installation, belongs in a `before` hook.
 */
import { afterEach, beforeEach } from "node:test";

/** The longest a test may take, in ms. */
const TEST_TIMEOUT = Number(process.env.EVERFRESH_TEST_TIMEOUT ?? 60_000);

// The runner's own process loads this file too, and so may programs that tests start; they have no tests.
if (process.env.NODE_TEST_CONTEXT !== undefined && process.argv[1]?.endsWith(".test.ts")) {
  const running = new Map<string, NodeJS.Timeout[]>();
  beforeEach((test) => {
    const timer = setTimeout(() => {
      console.error(`The test "${test.name}" has not ended within ${TEST_TIMEOUT / 1000} s: its file is stopped here.`);
      process.exit(1);
    }, TEST_TIMEOUT);
    // A test that waits for nothing must still end by itself: the watchdog keeps no process alive.
    timer.unref();
    running.set(test.name, [...(running.get(test.name) ?? []), timer]);
  });
  afterEach((test) => clearTimeout(running.get(test.name)?.pop()));
}
