/** What somebody else's code has thrown, in words for a sentence. It may be anything, and asking it for words may throw again. */
export function wordsOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.message : String(thrown);
  } catch {
    return "it threw something that has no words.";
  }
}
