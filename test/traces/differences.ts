/**
 * The named differences between Fresh 0.3.0 and everfresh, as data: docs/decisions/fresh-differences.md is the same table
 * for people, and a test holds the two together. Where a difference applies is said by model.ts, which names it at the very
 * place where its behaviour leaves Fresh's.
 */

/** The parts of a trace in which a difference can show. */
export type Aspect = "callbacks" | "arguments" | "states" | "request" | "frames" | "results" | "exit" | "links";

export type Difference = {
  /** The rule that wins: a section of DESIGN.md, or of RFC 6455. */
  readonly rule: string;
  /** In which parts of a trace it may show; a deviation in any other part is not its doing. */
  readonly shows: readonly Aspect[];
};

const BEHAVIOUR = ["callbacks", "arguments", "states", "frames", "results", "exit", "links"] as const;
const EVERYTHING = [...BEHAVIOUR, "request"] as const;

const TABLE = {
  // Starting
  "start-validates": { rule: "DESIGN 1.3", shows: EVERYTHING },
  "http-is-ws": { rule: "DESIGN 1.3", shows: EVERYTHING },
  "no-path-is-root": { rule: "RFC 6455 §3", shows: EVERYTHING },
  "name-is-a-string": { rule: "DESIGN 1.3", shows: EVERYTHING },
  "links-tell-of-faults": { rule: "DESIGN 1.3", shows: ["links"] },
  "nothing-is-shadowed": { rule: "DESIGN 1.3", shows: ["results", "links"] },
  "subprotocol-header": { rule: "RFC 6455 §4.1", shows: ["request"] },
  // The opening handshake
  "answer-is-checked": { rule: "RFC 6455 §4.1", shows: BEHAVIOUR },
  "http-1.0-upgrade": { rule: "RFC 6455 §4.2.2", shows: BEHAVIOUR },
  "interim-answers": { rule: "RFC 9110 §15.2", shows: BEHAVIOUR },
  "refusal-is-reported": { rule: "DESIGN 2.9", shows: BEHAVIOUR },
  "no-101-is-establishing": { rule: "DESIGN 2.6", shows: BEHAVIOUR },
  "extension-answer-is-checked": { rule: "RFC 6455 §9.1, RFC 7692 §7.1", shows: BEHAVIOUR },
  "extension-list-grammar": { rule: "RFC 6455 §9.1", shows: BEHAVIOUR },
  "window-of-256-bytes": { rule: "RFC 7692 §7.1.2", shows: BEHAVIOUR },
  // Receiving
  "violation-ends": { rule: "RFC 6455 §7.1.7", shows: BEHAVIOUR },
  "strict-decoder": { rule: "RFC 6455 §5", shows: BEHAVIOUR },
  "end-is-the-end": { rule: "DESIGN 2.4", shows: BEHAVIOUR },
  "bad-deflate-data": { rule: "DESIGN 2.6", shows: BEHAVIOUR },
  "inflating-goes-on": { rule: "RFC 7692 §7.2.3", shows: BEHAVIOUR },
  // Closing
  "close-is-echoed": { rule: "RFC 6455 §5.5.1", shows: ["frames"] },
  "empty-close": { rule: "DESIGN 2.5", shows: ["arguments"] },
  "own-close-then-tcp-end": { rule: "DESIGN 2.5", shows: BEHAVIOUR },
  "nothing-after-own-close": { rule: "RFC 6455 §5.5.1", shows: ["frames"] },
  "close-deadline": { rule: "DESIGN 2.9", shows: BEHAVIOUR },
  "close-while-connecting": { rule: "DESIGN 2.5", shows: BEHAVIOUR },
  goodbye: { rule: "RFC 6455 §7.1.2, §7.4.1", shows: ["frames"] },
  "nil-is-left-out": { rule: "DESIGN 1.3", shows: BEHAVIOUR },
  // Sending
  outbox: { rule: "DESIGN 1.5, 2.10", shows: BEHAVIOUR },
  "compressed-to-be-shorter": { rule: "RFC 7692 §6", shows: ["frames"] },
  "sends-go-at-once": { rule: "DESIGN 2.2", shows: ["frames"] },
  "outgoing-frames-are-checked": { rule: "DESIGN 2.6", shows: BEHAVIOUR },
  "bad-frame-is-an-error": { rule: "DESIGN 2.6", shows: BEHAVIOUR },
  "one-frame-is-a-reply": { rule: "DESIGN 1.2", shows: BEHAVIOUR },
  "dead-link-is-one-error": { rule: "DESIGN 2.4", shows: BEHAVIOUR },
  "pings-only-while-open": { rule: "DESIGN 1.5", shows: BEHAVIOUR },
  "unknown-name-throws": { rule: "DESIGN 1.3", shows: ["results"] },
  // Callbacks and state
  "info-in-every-state": { rule: "DESIGN 1.3", shows: BEHAVIOUR },
  "ping-is-a-message": { rule: "DESIGN 1.3", shows: BEHAVIOUR },
  "no-foreign-requests": { rule: "DESIGN 1.3", shows: BEHAVIOUR },
  "ignore-leaves-idle": { rule: "DESIGN 1.2", shows: BEHAVIOUR },
  "answers-are-final": { rule: "DESIGN 1.2", shows: BEHAVIOUR },
  "initial-state-stays": { rule: "DESIGN 2.7", shows: ["states"] },
  "newest-state-at-the-end": { rule: "DESIGN 1.4", shows: ["states"] },
  "callback-faults": { rule: "DESIGN 1.2", shows: ["arguments", "exit", "links"] },
  "signals-are-stops": { rule: "DESIGN 1.4", shows: BEHAVIOUR },
  "mailbox-is-read-between-attempts": { rule: "DESIGN 2.1", shows: BEHAVIOUR },
} as const satisfies Record<string, Difference>;

export type DifferenceName = keyof typeof TABLE;

export const DIFFERENCES: Readonly<Record<DifferenceName, Difference>> = TABLE;
export const DIFFERENCE_NAMES = Object.keys(TABLE) as readonly DifferenceName[];
