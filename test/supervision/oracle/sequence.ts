/**
 * Sequences of child exits and commands for a supervisor, as data that both sides read: OTP's supervisors (record-otp.exs), and ours.
 * All of it is arrays of strings, numbers and booleans, which JSON and Elixir write alike.
 */

export type ChildPlan = readonly [
  id: string,
  restart: "permanent" | "transient" | "temporary",
  shutdown: number | "brutal_kill" | "infinity",
  significant: boolean,
  type: "worker" | "supervisor",
  /** What each start comes to; "ok" from then on. */
  starts: readonly ("ok" | "ignore" | "error" | "raise")[],
  /** With which reason it ends when it is told to: the one it is told ("obey"), another, or "never". */
  onStop: "obey" | "normal" | "shutdown_x" | "boom" | "never",
];

/** "shutdown_x" is `{:shutdown, :x}`. */
export type Reason = "normal" | "shutdown" | "shutdown_x" | "killed" | "boom";

export type Command =
  | readonly ["exit", id: string, reason: Reason]
  /** All of them have exited before the supervisor hears of the first. */
  | readonly ["exit_together", ids: readonly string[], reason: Reason]
  | readonly ["start", child: ChildPlan]
  | readonly ["terminate", id: string]
  | readonly ["restart", id: string]
  | readonly ["delete", id: string]
  | readonly ["which"]
  | readonly ["count"];

export type Sequence = readonly [
  kind: "supervisor" | "dynamic",
  strategy: "one_for_one" | "one_for_all" | "rest_for_one",
  maxRestarts: number,
  /** Of a dynamic supervisor it is always "never". */
  autoShutdown: "never" | "any_significant" | "all_significant",
  /** Of a dynamic supervisor; 0: no limit. */
  maxChildren: number,
  children: readonly ChildPlan[],
  commands: readonly Command[],
  /** With which the supervisor is stopped in the end. */
  stop: Reason,
];

/**
 * What happened, in order: a start and what it came to; the end of what ran, with its reason; a report; the result of a command; the
 * supervisor's own exit.
 */
export type Event =
  | readonly ["start", id: string, outcome: string]
  | readonly ["end", id: string, reason: string]
  | readonly ["report", kind: string, id: string]
  | readonly ["result", ...unknown[]]
  | readonly ["exit", reason: string];

export type Recording = { readonly sequence: Sequence; readonly events: readonly Event[] };
