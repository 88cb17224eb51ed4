/**
 * Links: what was started with startLink brings its starter down when it ends with a fault (Erlang, "Links"); in JavaScript that is an
 * uncaught error. A supervisor traps exits, so what it has for a child it answers for, and nothing is raised.
 */
import { describeExitReason, type ExitReason } from "./exit-reason.ts";

export type Link = "linked" | "unlinked";

/** What was linked has ended otherwise than it should; raised uncaught. An uncaughtException handler is what traps exits here. */
export class LinkedExitError extends Error {
  override readonly name = "LinkedExitError";
  readonly reason: ExitReason;

  constructor(what: string, reason: ExitReason) {
    super(
      `The linked ${what} ended: ${describeExitReason(reason)}. Start it with start() to be told by .exited only, or under a supervisor to have it restarted.`,
      { cause: typeof reason === "object" && "error" in reason ? reason.error : reason },
    );
    this.reason = reason;
  }
}

/** Children of a supervisor. */
const adopted = new WeakSet<object>();

/** A supervisor has this for its child. */
export function adopt(child: object): void {
  adopted.add(child);
}

/** Raises the end of what is linked and has no supervisor. `what`: "connection counter". */
export function raiseUnlessAdopted(ended: object, what: string, reason: ExitReason): void {
  if (adopted.has(ended)) return;
  const error = new LinkedExitError(what, reason);
  queueMicrotask(() => {
    throw error;
  });
}
