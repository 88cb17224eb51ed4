/**
 * Retry-After (RFC 9110 §10.2.3): a number of seconds, or a date.
 */

/** The wait in ms that the header asks for, not below 0; undefined when it says nothing that can be read. */
export function parseRetryAfter(value: string | null, wallClock: number): number | undefined {
  if (value === null) return undefined;
  const text = value.trim();
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1000;
  // Dates in HTTP begin with the day's name; Date.parse alone would take "1.5" and much else for one.
  if (!/^[A-Za-z]{3,9},? /.test(text)) return undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - wallClock);
}
