/**
 * Masks (RFC 6455 §5.3): where a client's fresh ones come from, and applying one to bytes in place.
 *
 * A mask is a number whose most significant byte stands first on the wire; its sign is of no account.
 */
import { randomFillSync } from "node:crypto";

/** One call of the CSPRNG fills this many masks; the process shares them, so a connection holds none. */
const POOLED_MASKS = 2048;
let pool: Int32Array | undefined;
let nextPooled = POOLED_MASKS;

/** A mask nobody can predict and that was given to nobody before (RFC 6455 §10.3). */
export function randomMask(): number {
  if (nextPooled === POOLED_MASKS) {
    pool ??= new Int32Array(POOLED_MASKS);
    randomFillSync(pool);
    nextPooled = 0;
  }
  return (pool as Int32Array)[nextPooled++] as number;
}

/** Below this many bytes a loop over bytes is done before a view of words has been made. */
const WORDWISE = 96;

const keyBytes = new Uint8Array(4);
const keyWord = new Int32Array(keyBytes.buffer);

/**
 * Masks or unmasks bytes[start, end) in place; the two are the same. `phase` is how many bytes of the payload came
 * before `start`.
 */
export function applyMask(bytes: Uint8Array, start: number, end: number, mask: number, phase: number): void {
  let index = start;
  // The byte at `index` takes the mask's byte number (phase + index - start) mod 4; `shift` starts there.
  const turn = (phase & 3) * 8;
  const turned = turn === 0 ? mask : (mask << turn) | (mask >>> (32 - turn));
  const first = turned >>> 24;
  const second = (turned >>> 16) & 0xff;
  const third = (turned >>> 8) & 0xff;
  const fourth = turned & 0xff;

  if (end - start >= WORDWISE) {
    // Whole words from the first aligned byte on. The key is laid out in memory as bytes, so byte order doesn't matter.
    const ahead = -(bytes.byteOffset + start) & 3;
    const aligned = start + ahead;
    const count = (end - aligned) >>> 2;
    keyBytes[(4 - ahead) & 3] = first;
    keyBytes[(5 - ahead) & 3] = second;
    keyBytes[(6 - ahead) & 3] = third;
    keyBytes[(7 - ahead) & 3] = fourth;
    const key = keyWord[0] as number;
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + aligned, count);
    for (let word = 0; word < count; word++) words[word] = (words[word] as number) ^ key;
    for (let offset = 0; offset < ahead; offset++) {
      bytes[start + offset] = (bytes[start + offset] as number) ^ ((turned >>> (24 - offset * 8)) & 0xff);
    }
    const rest = aligned + count * 4;
    for (let at = rest; at < end; at++) {
      bytes[at] = (bytes[at] as number) ^ ((turned >>> (24 - ((at - start) & 3) * 8)) & 0xff);
    }
    return;
  }

  const whole = end - ((end - start) & 3);
  for (; index < whole; index += 4) {
    bytes[index] = (bytes[index] as number) ^ first;
    bytes[index + 1] = (bytes[index + 1] as number) ^ second;
    bytes[index + 2] = (bytes[index + 2] as number) ^ third;
    bytes[index + 3] = (bytes[index + 3] as number) ^ fourth;
  }
  if (index < end) bytes[index] = (bytes[index] as number) ^ first;
  if (index + 1 < end) bytes[index + 1] = (bytes[index + 1] as number) ^ second;
  if (index + 2 < end) bytes[index + 2] = (bytes[index + 2] as number) ^ third;
}
