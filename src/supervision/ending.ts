/**
 * Ending a child, within the time that its specification gives it (Erlang/OTP, Supervisor Behaviour, "Child Specification": shutdown).
 */
import type { Clock, Timer } from "../platform/platform.ts";
import type { Child } from "./child.ts";
import { millisecondsOf, type ResolvedSpec } from "./child-spec.ts";
import type { ExitReason } from "./exit-reason.ts";

/**
 * ms that a child has to be gone once it has been cut off. OTP waits for as long as that takes, since nothing survives its kill; here
 * nothing can kill what doesn't listen, so it is left behind then, and the supervisor says so.
 */
export const KILL_GRACE = 1000;

/** How a child ended that was told to; "abandoned": it took no notice, not even of being cut off. */
export type Ending = { readonly reason: ExitReason; readonly abandoned: boolean };

export class ChildEnding {
  /** Resolves when the child has ended, or has been left behind; never rejects. */
  readonly done: Promise<Ending>;
  readonly #child: Child;
  readonly #clock: Clock;
  #deadline: Timer | undefined;
  #isCutOff = false;
  #settle: (ending: Ending) => void = () => undefined;

  /** Tells the child to end. */
  constructor(child: Child, shutdown: ResolvedSpec["shutdown"], clock: Clock) {
    this.#child = child;
    this.#clock = clock;
    this.done = new Promise((resolve) => {
      this.#settle = (ending) => {
        if (this.#deadline !== undefined) clock.cancel(this.#deadline);
        resolve(ending);
      };
    });
    child.exited.then(
      (reason) => this.#settle({ reason, abandoned: false }),
      (error) => this.#settle({ reason: { error, callback: "exited" }, abandoned: false }),
    );
    if (shutdown === "brutal_kill") {
      this.cutOff();
    } else {
      const timeout = millisecondsOf(shutdown);
      // A child's own deadline is set first, so that it comes first when both are due.
      this.#tell("shutdown", timeout);
      this.#deadline = clock.after(timeout, () => this.cutOff(), true);
    }
  }

  /** Its time is up. */
  cutOff(): void {
    if (this.#isCutOff) return;
    this.#isCutOff = true;
    if (this.#deadline !== undefined) this.#clock.cancel(this.#deadline);
    this.#tell("killed", 0);
    this.#deadline = this.#clock.after(KILL_GRACE, () => this.#settle({ reason: "killed", abandoned: true }), true);
  }

  // A stop that fails is a fault of the child's; whether it ends all the same is for `exited` to say.
  #tell(reason: ExitReason, timeout: number): void {
    try {
      Promise.resolve(this.#child.stop(reason, { timeout })).catch(() => undefined);
    } catch {
      // As above.
    }
  }
}
