/**
 * Retry-After (RFC 9110 §10.2.3): a number of seconds, or a date.
 */

const SECONDS = /^\d+$/;
// Dates in HTTP begin with the day's name; Date.parse alone would take "1.5" and much else for one.
const DATE = /^[A-Za-z]{3,9},? /;
// RFC 9110 §5.6.7: every form of a date is in UTC, and asctime's doesn't even say so; Date.parse would take it for local time.
const ZONELESS = /(?<![+-]\d{3})\d$/;

/**
 * The wait in ms that the header asks for, from 0 to 2^53; undefined when it says nothing that can be read. A header that has come
 * several times reads as "60, 120": the longest counts, as it keeps what each of them asks.
 */
export function parseRetryAfter(value: string | null, wallClock: number): number | undefined {
  if (value === null) return undefined;
  const text = value.trim();
  const numbers = text.split(",").map((number) => number.trim());
  if (numbers.every((number) => SECONDS.test(number))) {
    const longest = numbers.reduce((most, number) => Math.max(most, Number(number)), 0);
    return Math.min(Number.MAX_SAFE_INTEGER, longest * 1000);
  }
  if (!DATE.test(text)) return undefined;
  const date = Date.parse(ZONELESS.test(text) ? `${text} GMT` : text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - wallClock);
}
