/**
 * Ending a child, within the time that its specification gives it (Erlang/OTP, Supervisor Behaviour, "Child Specification": shutdown).
 */
import type { Clock } from "../platform/platform.ts";
import type { Child, ResolvedSpec } from "./child-spec.ts";
import type { ExitReason } from "./exit-reason.ts";

/** How a child ended that was told to; "abandoned": it took no notice, not even of being cut off. */
export type Ending = { readonly reason: ExitReason; readonly abandoned: boolean };

/**
 * Tells a child to end, and waits until it has. A child that doesn't keep to its own deadline is cut off by ours: nothing here can kill
 * what doesn't listen, so it is left behind, and the supervisor says so.
 */
export function endChild(child: Child, shutdown: ResolvedSpec["shutdown"], clock: Clock): Promise<Ending> {
  const timeout = shutdown === "infinity" ? Number.POSITIVE_INFINITY : shutdown === "brutal_kill" ? 0 : shutdown;
  return new Promise((resolve) => {
    const settle = (ending: Ending): void => {
      clock.cancel(timer);
      resolve(ending);
    };
    // A child's own deadline is set first, so it comes first when both are due.
    const told = tell(child, shutdown === "brutal_kill" ? "killed" : "shutdown", timeout);
    const timer = clock.after(
      timeout,
      // Its exit may be on its way: a promise that settles with the same timer is heard of behind it.
      () => queueMicrotask(() => queueMicrotask(() => settle({ reason: "killed", abandoned: true }))),
      true,
    );
    child.exited.then(
      (reason) => settle({ reason, abandoned: false }),
      (error) => settle({ reason: { error, callback: "exited" }, abandoned: false }),
    );
    // A stop that fails is a fault of the child's; whether it ends all the same is for `exited` to say.
    told.catch(() => undefined);
  });
}

async function tell(child: Child, reason: ExitReason, timeout: number): Promise<unknown> {
  return child.stop(reason, { timeout });
}
