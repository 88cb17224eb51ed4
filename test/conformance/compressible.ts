/** Texts and bytes for tests of compression: such as can be made shorter, such as can't, and such as repeat themselves from afar. */

/** From nothing to a megabyte, around each form of a frame's length, the threshold of compression and the largest window. */
export const SIZES = [0, 1, 63, 64, 125, 126, 127, 128, 1000, 32_768, 65_535, 65_536, 65_537, 1024 * 1024];

/** Words drawn from a few, so that they can be compressed; from a seed, so that a failure comes again. */
export function textOf(size: number, seed = 1): string {
  const words = ["the ", "quick ", "größe ", "€ ", "😀", "jumps ", "over ", "lazy "];
  let state = seed;
  let text = "";
  for (let bytes = 0; bytes < size; ) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const word = words[(state >>> 16) % words.length] as string;
    const length = Buffer.byteLength(word);
    text += bytes + length <= size ? word : "x".repeat(size - bytes);
    bytes += length;
  }
  return text;
}

/** Bytes that can't be compressed, always the same. */
export function noiseOf(size: number): Uint8Array {
  let state = 7;
  return new Uint8Array(size).map(() => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 24;
  });
}

/** What repeats itself at distances around every window there is, so that a window that is too large would show. */
export const FAR_APART = [100, 250, 300, 600, 1100, 2100, 5000, 17_000, 33_000].map((distance) => {
  const sentence = "a sentence that comes again further on, and is long enough to be worth it";
  return `${sentence}${Buffer.from(noiseOf(distance)).toString("base64").slice(0, distance)}${sentence}`;
});
