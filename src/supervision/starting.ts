/**
 * Starting a child: what its start() gives, now or later, and what becomes of a start that its supervisor can't wait for any longer.
 */
import type { Clock, Timer } from "../platform/platform.ts";
import type { Child } from "./child.ts";
import { millisecondsOf, type ResolvedSpec } from "./child-spec.ts";

/** "ignored": there is nothing to run (OTP's `ignore`). "abandoned": it didn't come in time. */
export type StartOutcome =
  | { readonly type: "started"; readonly child: Child }
  | { readonly type: "ignored" }
  | { readonly type: "failed"; readonly error: unknown }
  | { readonly type: "abandoned" };

export class ChildStart {
  /** A promise only if start() gave one; it never rejects. */
  readonly outcome: StartOutcome | Promise<StartOutcome>;
  readonly #spec: ResolvedSpec;
  readonly #clock: Clock;
  readonly #abort = new AbortController();
  #deadline: Timer | undefined;
  #isAbandoned = false;
  #settle: (outcome: StartOutcome) => void = () => undefined;

  constructor(spec: ResolvedSpec, clock: Clock) {
    this.#spec = spec;
    this.#clock = clock;
    this.outcome = this.#start();
  }

  /** Its child isn't wanted any more: it has as long to come to an end as the child would have. */
  cancel(): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    const { shutdown } = this.#spec;
    this.#deadline = this.#clock.after(millisecondsOf(shutdown), () => this.cutOff(), true);
  }

  /** Nobody waits for it any more. A child that comes all the same is ended at once. */
  cutOff(): void {
    this.#abort.abort();
    this.#isAbandoned = true;
    this.#settle({ type: "abandoned" });
  }

  #start(): StartOutcome | Promise<StartOutcome> {
    let given: unknown;
    try {
      given = this.#spec.start({ signal: this.#abort.signal });
    } catch (error) {
      return { type: "failed", error };
    }
    if (!isThenable(given)) return outcomeOf(given);
    return new Promise((resolve) => {
      this.#settle = (outcome) => {
        if (this.#deadline !== undefined) this.#clock.cancel(this.#deadline);
        resolve(outcome);
      };
      Promise.resolve(given).then(
        (child) => (this.#isAbandoned ? endLate(child) : this.#settle(outcomeOf(child))),
        (error) => this.#settle({ type: "failed", error }),
      );
    });
  }
}

function outcomeOf(given: unknown): StartOutcome {
  if (given === undefined) return { type: "ignored" };
  if (isChild(given)) return { type: "started", child: given };
  const error = new TypeError("start() gave what is no child: it needs a promise `exited` and a function `stop`.");
  return { type: "failed", error };
}

function endLate(child: unknown): void {
  if (isChild(child)) Promise.resolve(child.stop("killed", { timeout: 0 })).catch(() => undefined);
}

function isChild(value: unknown): value is Child {
  if (typeof value !== "object" || value === null) return false;
  const { exited, stop } = value as Partial<Child>;
  return isThenable(exited) && typeof stop === "function";
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
