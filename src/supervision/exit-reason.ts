/**
 * Exit reasons: why a child ended, in OTP's terms (Erlang/OTP, Supervisor Behaviour and `gen_statem:terminate/3`).
 */

/**
 * - `"normal"`: it was done. - `"shutdown"` and `{ shutdown: … }`: it was told to end, or ended as part of an orderly stop.
 * - `"killed"`: it did not end in time and was cut off.
 * - `{ error, callback }`: a callback threw, rejected, or returned what is no response.
 * - anything else: a reason of the module's own, as in `stop("boom")` or `stop({ error: "unknown" })`.
 */
export type ExitReason =
  | "normal"
  | "shutdown"
  | "killed"
  | { readonly shutdown: unknown }
  | { readonly error: unknown; readonly callback: string }
  | Error
  | (string & {})
  | { readonly [key: string]: unknown };

/** Did it end as it should: "normal", "shutdown" or { shutdown }? Links and transient children treat all else as a fault. */
export function isOrderly(reason: ExitReason): boolean {
  return (
    reason === "normal" ||
    reason === "shutdown" ||
    (typeof reason === "object" && !(reason instanceof Error) && "shutdown" in reason)
  );
}

/** An exit reason in words, for logs and messages. */
export function describeExitReason(reason: ExitReason): string {
  if (typeof reason === "string") return reason;
  if (reason instanceof Error) return String(reason);
  if ("error" in reason && "callback" in reason) return `${String(reason.callback)} failed: ${String(reason.error)}`;
  try {
    return JSON.stringify(reason) ?? String(reason);
  } catch {
    return String(reason);
  }
}
