/**
 * The thread of hang-watch.ts. It is JavaScript, because Node 20 loads nothing else into a thread of its own.
 */
import { writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { workerData } from "node:worker_threads";

const LOOK_EVERY = 1000;

const { memory, layout, targets, tooLong } = workerData;
const numbers = new Int32Array(memory, 0, layout.numbers);
let seen = 0;
let since = performance.now();

setInterval(look, Math.min(LOOK_EVERY, tooLong));

function look() {
  const count = Atomics.load(numbers, layout.count);
  if (count !== seen) {
    seen = count;
    since = performance.now();
  }
  // Before the first input nothing has begun.
  if (count === 0 || performance.now() - since < tooLong) return;
  const { name, folder } = targets[numbers[layout.target]];
  const input = new Uint8Array(memory, layout.numbers * 4, numbers[layout.length]).slice();
  const path = join(folder, `finding-${name}-hang-${process.pid}.bin`);
  writeFileSync(path, input);
  // Written at once: the main thread, through which console would go, stands still.
  writeSync(2, `${name} doesn't come back from ${input.length} bytes, kept as ${path}.\n`);
  process.kill(process.pid, "SIGKILL");
}
