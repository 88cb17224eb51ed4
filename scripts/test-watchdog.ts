/**
 * Loaded before each test file (`--import`): ends the file's process, and says why, when a test hangs or leaves something open.
 *
 * Node 20's runner hands its timeout to files, not to their tests. A test that hangs would cost the file's whole
 * allowance, and nobody would learn which it was; the same for a socket left open. A test that has a limit of its own, a
 * shorter one, keeps it. What takes longer for a good reason, such as a packed tarball's installation, belongs in a
 * `before` hook at the head of its file.
 */
import { afterEach, beforeEach } from "node:test";

// Taken before any test can put a clock of its own in their place: time in a test may run as it likes.
const { setTimeout, clearTimeout } = globalThis;

/** The longest a test may take, in ms. */
const TEST_TIMEOUT = Number(process.env.EVERFRESH_TEST_TIMEOUT ?? 60_000);
/** How long after its newest test a process may go on, in ms. */
const EXIT_TIMEOUT = TEST_TIMEOUT / 2;

// The runner's own process loads this file too, and so may programs that tests start; they have no tests.
if (process.env.NODE_TEST_CONTEXT !== undefined && process.argv[1]?.endsWith(".test.ts")) {
  const running = new Map<string, NodeJS.Timeout[]>();
  let exit: NodeJS.Timeout | undefined;
  beforeEach(({ name }) => {
    clearTimeout(exit);
    const overrun = `The test "${name}" has not ended within ${TEST_TIMEOUT / 1000} s: its file is stopped here.`;
    running.set(name, [...(running.get(name) ?? []), giveUpAfter(TEST_TIMEOUT, () => overrun)]);
  });
  afterEach(({ name }) => {
    clearTimeout(running.get(name)?.pop());
    if (running.get(name)?.length === 0) running.delete(name);
    if (running.size > 0) return;
    clearTimeout(exit);
    exit = giveUpAfter(EXIT_TIMEOUT, () => {
      const open = process.getActiveResourcesInfo().join(", ");
      return `All tests have ended, "${name}" last, and something keeps the process running: ${open}.`;
    });
  });
}

function giveUpAfter(ms: number, why: () => string): NodeJS.Timeout {
  const timer = setTimeout(() => {
    console.error(why());
    process.exit(1);
  }, ms);
  // A process that waits for nothing must still end by itself: the watchdog keeps none alive.
  return timer.unref();
}
