/**
 * What a supervisor needs to know of a child (Erlang/OTP, Supervisor Behaviour, "Child Specification").
 */
import type { ExitReason } from "./exit-reason.ts";

/** Anything that ends once and can be told to. A connection is one. */
export interface Child {
  /** Resolves with the exit reason; never rejects. */
  readonly exited: Promise<ExitReason>;
  /** Ends it in an orderly way, within `timeout` ms. */
  stop(reason?: ExitReason, options?: { readonly timeout?: number }): Promise<unknown>;
}

export type ChildSpec = {
  readonly id: string;
  start(): Child | Promise<Child>;
  /** Default "permanent", as in OTP; a module's own childSpec says "transient", as Fresh's does. */
  readonly restart?: "permanent" | "transient" | "temporary";
  /** Milliseconds the child has to end when told to. Default 5000 for a worker, "infinity" for a supervisor. */
  readonly shutdown?: number | "brutal_kill" | "infinity";
  readonly type?: "worker" | "supervisor";
  readonly significant?: boolean;
};
