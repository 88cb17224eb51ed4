/**
 * Notices an input that a check doesn't come back from. The check holds the only thread that it runs in, so the watch is another one: it
 * sees in shared memory which input is being tried, keeps it in the corpus when that takes too long, and kills the process.
 */
import { Worker } from "node:worker_threads";
import { folderOf } from "./corpus.ts";
import type { Target } from "./target.ts";

/** ms that no input takes, on the slowest machine. */
const TOO_LONG = 20_000;
/** The longest input of which all is kept. */
const MOST_BYTES = 1 << 17;
/** Where the numbers stand that come before the bytes: how many inputs have been begun, the length of this one, whose it is. */
const LAYOUT = { count: 0, length: 1, target: 2, numbers: 3 } as const;

export type HangWatch = {
  /** Called before each check. */
  readonly begin: (target: Target, input: Uint8Array) => void;
  readonly end: () => Promise<void>;
};

export type WatchOptions = {
  /** In ms. */
  readonly tooLong?: number;
  /** Where an input is kept; default: with the seeds. */
  readonly folder?: string;
};

/** Kills this process when an input of one of the targets takes too long. */
export function watchForHangs(
  targets: readonly Target[],
  { tooLong = TOO_LONG, folder }: WatchOptions = {},
): HangWatch {
  const memory = new SharedArrayBuffer(LAYOUT.numbers * 4 + MOST_BYTES);
  const numbers = new Int32Array(memory, 0, LAYOUT.numbers);
  const bytes = new Uint8Array(memory, LAYOUT.numbers * 4);
  const places = targets.map(({ name, corpus }) => ({ name, folder: folder ?? folderOf(corpus) }));
  const worker = new Worker(new URL("hang-watch-thread.js", import.meta.url), {
    workerData: { memory, layout: LAYOUT, targets: places, tooLong },
    execArgv: [],
  });
  worker.unref();
  return {
    begin(target, input) {
      numbers[LAYOUT.target] = targets.indexOf(target);
      numbers[LAYOUT.length] = Math.min(input.length, MOST_BYTES);
      bytes.set(input.subarray(0, MOST_BYTES));
      Atomics.add(numbers, LAYOUT.count, 1);
    },
    async end() {
      await worker.terminate();
    },
  };
}
