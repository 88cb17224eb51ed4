/**
 * Chance that can be had again: the same seed gives the same draws on every machine.
 */

/**
 * A function like Math.random, in [0, 1), in steps of 2^-32: what the option `random` of a connection takes. It is Chris Doty-Humphrey's sfc32,
 * small, fast and well tested, with a period of at least 2^32 draws; whoever sees some of them can tell the rest, so it is for nothing
 * secret. The seed is any whole number that JavaScript holds exactly. @throws RangeError
 */
export function seededRandom(seed: number): () => number {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`A seed is a whole number; it got ${seed}.`);
  // Seeds one apart differ in one bit: stirred first, so that their draws have nothing in common.
  const stirred = stirring([seed | 0, Math.floor(seed / 0x1_0000_0000) | 0]);
  let [a, b, c, counter] = [stirred(), stirred(), stirred(), 1];
  const next = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 0x1_0000_0000;
  };
  for (let round = 0; round < 12; round += 1) next();
  return next;
}

/**
 * A seed for one part of what a seed decides, such as one connection of a proxy: what is drawn there doesn't depend on how much was drawn
 * elsewhere before.
 */
export function seedFor(seed: number, ...parts: readonly number[]): number {
  return stirring([seed | 0, Math.floor(seed / 0x1_0000_0000) | 0, ...parts])();
}

// splitmix32 over the words: whole numbers of 32 bits, well stirred.
function stirring(words: readonly number[]): () => number {
  let state = 0;
  const next = () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  for (const word of words) state = next() ^ word;
  return next;
}
