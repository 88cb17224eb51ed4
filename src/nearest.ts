/**
 * The name that somebody may have meant: for messages about one that doesn't exist.
 */

/** The one of `known` that is nearest to `name`, case aside; undefined when none is near enough to be meant. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  let nearest: { readonly one: string; readonly distance: number } | undefined;
  for (const one of known) {
    const distance = editDistance(name.toLowerCase(), one.toLowerCase());
    if (nearest === undefined || distance < nearest.distance) nearest = { one, distance };
  }
  return nearest !== undefined && nearest.distance <= Math.max(2, name.length / 3) ? nearest.one : undefined;
}

// Levenshtein's distance, by rows; names are short.
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = (row[j - 1] as number) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[to.length] as number;
}
