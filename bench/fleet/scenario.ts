/**
 * What befalls a fleet: every connection is open and stable, at 0 s the server drops all of them, and then it behaves as told here.
 */

/** What the server does with an attempt that reaches it. */
export type Treatment =
  /** Nobody listens: the system answers with a reset. */
  | { readonly type: "refuse" }
  /** An answer that is no 101. */
  | { readonly type: "answer"; readonly status: number; readonly retryAfter?: number }
  /** Into the queue of those to be accepted; `thenDrop`: a close frame with 1001 follows the 101 at once. */
  | { readonly type: "accept"; readonly thenDrop: boolean };

export type Scenario = {
  readonly name: string;
  readonly title: string;
  /** From the drop to the end, in s. */
  readonly seconds: number;
  /** When the server can be reached again, in s; the time until a fleet is back counts from there. */
  readonly back: number;
  /** How many attempts the server accepts in a second, and how many more may wait for it; beyond that they are refused. */
  readonly accepts: { readonly perSecond: number; readonly waiting: number };
  /** `time` in s since the drop, `chance` in [0, 1). */
  treat(time: number, chance: number): Treatment;
};

const UNLIMITED = { perSecond: Number.POSITIVE_INFINITY, waiting: Number.POSITIVE_INFINITY };
const ACCEPT: Treatment = { type: "accept", thenDrop: false };

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "dies",
    title: "The server is gone for a minute, and then accepts 500 a second",
    seconds: 240,
    back: 60,
    accepts: { perSecond: 500, waiting: 2000 },
    treat: (time) => (time < 60 ? { type: "refuse" } : ACCEPT),
  },
  {
    name: "drops",
    title: "The server accepts everybody and drops everybody at once",
    seconds: 300,
    back: Number.POSITIVE_INFINITY,
    accepts: UNLIMITED,
    treat: () => ({ type: "accept", thenDrop: true }),
  },
  {
    name: "refuses",
    title: "The server answers three attempts in ten with 503",
    seconds: 120,
    back: 0,
    accepts: UNLIMITED,
    treat: (_time, chance) => (chance < 0.3 ? { type: "answer", status: 503 } : ACCEPT),
  },
  {
    name: "asks",
    title: "The same, with Retry-After: 30",
    seconds: 120,
    back: 0,
    accepts: UNLIMITED,
    treat: (_time, chance) => (chance < 0.3 ? { type: "answer", status: 503, retryAfter: 30 } : ACCEPT),
  },
];
