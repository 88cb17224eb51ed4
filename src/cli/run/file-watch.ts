/**
 * Waits for a change in one of some files. It asks for their times again and again, which works on every file system, shared folders of
 * containers included, and whatever way an editor saves in.
 */
import { stat } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";

/** ms from look to look. */
const INTERVAL = 250;

/** Resolves with the first file that is not as it was, once it has been left alone for a moment. Never, when `signal` comes first. */
export async function changedFile(
  files: readonly string[],
  signal: AbortSignal,
  { interval = INTERVAL }: { readonly interval?: number } = {},
): Promise<string> {
  const before = await stampsOf(files);
  let last = before;
  while (!signal.aborted) {
    await setTimeout(interval);
    const now = await stampsOf(files);
    const changed = files.find((_, index) => now[index] !== before[index]);
    // One that is still being written changes once more.
    const isSettled = now.every((stamp, index) => stamp === last[index]);
    if (changed !== undefined && isSettled) return changed;
    last = now;
  }
  return new Promise(() => undefined);
}

function stampsOf(files: readonly string[]): Promise<readonly string[]> {
  return Promise.all(
    files.map(async (file) => {
      try {
        const { mtimeMs, size, ino } = await stat(file);
        return `${mtimeMs} ${size} ${ino}`;
      } catch {
        return "none";
      }
    }),
  );
}
