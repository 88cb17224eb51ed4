/**
 * A timer as the function that cancels it.
 */

/** Calls back after `ms`; for 0 in the next turn of the event loop, which setTimeout can't, and for Infinity never. */
export function startTimer(ms: number, callback: () => void): () => void {
  if (ms === Number.POSITIVE_INFINITY) return () => {};
  if (ms > 0) {
    const timeout = setTimeout(callback, ms);
    return () => clearTimeout(timeout);
  }
  const immediate = setImmediate(callback);
  return () => clearImmediate(immediate);
}
