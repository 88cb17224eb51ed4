/**
 * A child: what a supervisor can look after.
 */
import type { ExitReason } from "./exit-reason.ts";

/** Anything that ends once and can be told to. A connection is one, a supervisor another. */
export interface Child {
  /** Resolves with the exit reason when it has ended, and nothing of it runs any more; never rejects. */
  readonly exited: Promise<ExitReason>;
  /**
   * Ends it in an orderly way, within `timeout` ms. It may be called again with less time: "killed" with a timeout of 0 is what a
   * supervisor says to a child whose time is up.
   */
  stop(reason?: ExitReason, options?: { readonly timeout?: number }): Promise<unknown>;
}
