/**
 * A length of time for people: the two largest units are enough.
 */

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
] as const;

/** "80 ms", "42 s", "3 m 12 s", "2 h 0 m", "12 d 4 h". */
export function durationText(ms: number): string {
  const largest = UNITS.findIndex(([, size]) => ms >= size);
  const [unit, size] = UNITS.at(largest) as (typeof UNITS)[number];
  const next = UNITS[largest + 1];
  const whole = Math.max(0, Math.floor(ms / size));
  if (largest === -1 || next === undefined || unit === "s") return `${whole} ${unit}`;
  return `${whole} ${unit} ${Math.floor((ms % size) / next[1])} ${next[0]}`;
}
