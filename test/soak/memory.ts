/** Memory over a soak: behind a collection, as a line through the second half of the samples. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const MiB = 1024 * 1024;

export type Slope = {
  readonly first: number;
  readonly last: number;
  readonly most: number;
  /** How much the line through the second half of the samples rises from its beginning to its end. */
  readonly growth: number;
  readonly samples: readonly number[];
};

let collect: (() => void) | undefined;

/** Bytes on the heap behind a collection, in MiB. */
export function heapAfterCollection(): number {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
  return process.memoryUsage().heapUsed / MiB;
}

/** Of samples taken at even distances. */
export function slopeOf(samples: readonly number[]): Slope {
  const half = samples.slice(Math.floor(samples.length / 2));
  const middle = (half.length - 1) / 2;
  const mean = half.reduce((sum, value) => sum + value, 0) / half.length;
  const [over, under] = half.reduce(
    ([above, below], value, index) => [above + (index - middle) * (value - mean), below + (index - middle) ** 2],
    [0, 0],
  );
  const growth = under === 0 ? 0 : (over / under) * (half.length - 1);
  return {
    first: samples[0] ?? 0,
    last: samples.at(-1) ?? 0,
    most: Math.max(...samples),
    growth,
    samples: samples.map((value) => Math.round(value * 10) / 10),
  };
}

/** Bytes that the process holds, in MiB. */
export function residentSize(): number {
  return process.memoryUsage().rss / MiB;
}
