/**
 * Makes a failing input small: takes pieces out of it, ever smaller ones, and makes bytes plain, as long as it still fails.
 */
import { splice } from "./mutation.ts";

const NOTHING = new Uint8Array(0);
/** What a byte is made, if it may be; the first that still fails stays. */
const PLAIN = [0x00, 0x61];

/** `fails` says of a smaller or plainer input whether it fails as well; it is asked at most `tries` times. */
export async function shrink(
  input: Uint8Array,
  fails: (smaller: Uint8Array) => Promise<boolean>,
  tries = 5000,
): Promise<Uint8Array> {
  let left = tries;
  const stillFails = (smaller: Uint8Array) => left-- > 0 && fails(smaller);
  let best = input;
  for (let before = -1; before !== best.length && left > 0; ) {
    before = best.length;
    for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let at = 0; at < best.length; ) {
        const smaller = splice(best, at, at + size, NOTHING);
        if (await stillFails(smaller)) best = smaller;
        else at += size;
      }
    }
  }
  for (let at = 0; at < best.length; at++) {
    for (const byte of PLAIN) {
      if (best[at] === byte) break;
      const plainer = splice(best, at, at + 1, Uint8Array.of(byte));
      if (!(await stillFails(plainer))) continue;
      best = plainer;
      break;
    }
  }
  return best;
}
