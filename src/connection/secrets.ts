/**
 * Keeps a credential out of the words and errors that others make of it: a URL that can't be parsed stands in Node's own error, whole.
 */

const HIDDEN = "[redacted]";
/** How far down a chain of causes is looked. */
const MOST_CAUSES = 8;

/** The texts in a value, each as it is and as it stands in an address. */
function textsIn(value: unknown): readonly string[] {
  const members = typeof value === "object" && value !== null ? Object.values(value) : [value];
  return members
    .filter((member): member is string => typeof member === "string" && member !== "")
    .flatMap((text) => [text, encoded(text)]);
}

function encoded(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    // Half of a surrogate pair can't be encoded, so it stands in no address.
    return text;
  }
}

/** The words without what stands in any of the values. */
export function withoutSecrets(words: string, values: readonly unknown[]): string {
  return values.flatMap(textsIn).reduce((clean, text) => clean.replaceAll(text, HIDDEN), words);
}

/** Does what was thrown, or a cause of it, hold one of the values in its words or among its own properties? */
export function holdsSecret(thrown: unknown, values: readonly unknown[]): boolean {
  const secrets = values.flatMap(textsIn);
  let one = thrown;
  for (let depth = 0; depth < MOST_CAUSES && one !== undefined && one !== null; depth += 1) {
    const texts: readonly unknown[] =
      one instanceof Error ? [one.message, one.stack, ...Object.values(one)] : [one, ...Object.values(one)];
    if (texts.some((text) => typeof text === "string" && secrets.some((secret) => text.includes(secret)))) return true;
    one = one instanceof Error ? one.cause : undefined;
  }
  return false;
}
