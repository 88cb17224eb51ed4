/**
 * Holds what a client has sent against what its servers have received. Which frames a dead link has lost after the system had taken them, no end of it
 * can know; but TCP loses nothing in the middle. So of each link exactly the first part of what was handed to it must have arrived, all of it where the
 * client's close frame did, and nothing that was reported as dropped.
 */
import type { LinkAccount } from "./server-account.ts";

/** What send, or onDrop, has said of a message; 0: there is none of this number. */
export const FATE = { none: 0, accepted: 1, refused: 2, dropped: 3 } as const;

export type Sent = {
  /** One of FATE for each number. */
  readonly fates: Uint8Array;
  /** The highest number. */
  readonly last: number;
  /** Did an attempt of this number become a link? */
  readonly opened: (link: number) => boolean;
};

export type Reconciled = {
  readonly received: number;
  /** Accepted, not dropped, and never received: for each end of links behind which some are missing, how many. */
  readonly missing: readonly number[];
  readonly violations: readonly string[];
};

export function reconcile({ fates, last, opened }: Sent, links: readonly LinkAccount[]): Reconciled {
  const violations: string[] = [];
  const missing: number[] = [];
  let received = 0;
  let expected = 1;
  /** Has a link ended without the client's close frame since the newest message that was received? */
  let mayMiss = false;
  const missingIn = (from: number, to: number): number => {
    let count = 0;
    for (let number = from; number <= to; number += 1) if (fates[number] === FATE.accepted) count += 1;
    return count;
  };
  const gap = (to: number, before: string): void => {
    const count = missingIn(expected, to);
    if (count === 0) return;
    missing.push(count);
    if (!mayMiss)
      violations.push(`${count} from ${expected} to ${to} are missing before ${before}, and no link had died`);
  };
  for (const { link, runs, closed } of [...links].sort((a, b) => a.link - b.link)) {
    for (const [index, [first, end]] of runs.entries()) {
      if (first < expected) violations.push(`${first} came on link ${link} behind ${expected - 1}, or twice`);
      if (index === 0) gap(first - 1, `link ${link}`);
      else if (missingIn(expected, first - 1) > 0) {
        violations.push(`${missingIn(expected, first - 1)} before ${first} are missing in the middle of link ${link}`);
      }
      for (let number = first; number <= end; number += 1) {
        received += 1;
        if (fates[number] !== FATE.accepted) violations.push(`${number} was received, and was reported as not sent`);
      }
      expected = end + 1;
      mayMiss = false;
    }
    if (opened(link) && !closed) mayMiss = true;
  }
  gap(last, "the end");
  return { received, missing, violations };
}
