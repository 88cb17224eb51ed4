/**
 * The errors of calls and subscriptions, as a tree:
 *
 *     Error
 *     ├── CallError                  a call came to nothing; has .method and .sent
 *     │   ├── CallTimeoutError       no answer within its timeout
 *     │   ├── ConnectionLostError    the connection ended before the answer came
 *     │   ├── CallNotSentError       it can't be sent: not open, or the frame may not be sent
 *     │   └── TooManyCallsError      maxPending calls are pending already
 *     ├── RpcError                   the server answered with an error; has .code and .data
 *     ├── SubscriptionRefusedError   the server refused a subscription; its answer is the cause
 *     ├── SubscriptionOverflowError  an iterator's buffer is full
 *     └── TypeError
 *         └── ForeignConnectionError the connection runs a module that this rpc didn't make
 *
 * A call that its caller's AbortSignal ends rejects with the signal's reason.
 */

/**
 * What is known of a call's frame when the call comes to nothing.
 * - "no": it was never handed to a connection, and won't be. The server has not seen it.
 * - "yes": all its bytes were given to this machine's system, on one connection at least. The server may have got it, or not.
 * - "unknown": it was handed to a connection, and whether the system took all of it before the end isn't known.
 */
export type Sent = "yes" | "no" | "unknown";

/** A call came to nothing, for another reason than the server's answer. */
export abstract class CallError extends Error {
  readonly method: string;
  readonly sent: Sent;

  constructor(message: string, { method, sent, cause }: CallErrorDetails) {
    super(message, cause === undefined ? undefined : { cause });
    this.method = method;
    this.sent = sent;
  }
}

type CallErrorDetails = { readonly method: string; readonly sent: Sent; readonly cause?: unknown };

const FATE: Readonly<Record<Sent, string>> = {
  no: "It was never sent, so the server has not seen it and it may be made again.",
  yes: "It had been sent, so the server may have carried it out: ask for its effect before you make it again.",
  unknown:
    "Whether all of it had been sent isn't known, so the server may have carried it out: ask for its effect before you make it again.",
};

/** No answer came within the call's timeout. An answer that comes later is dropped. */
export class CallTimeoutError extends CallError {
  override readonly name = "CallTimeoutError";
  /** ms */
  readonly timeout: number;

  constructor(timeout: number, details: CallErrorDetails) {
    const why =
      details.sent === "no"
        ? `could not be sent within ${timeout} ms, because the connection wasn't open or not ready.`
        : `was not answered within ${timeout} ms.`;
    super(`The call ${details.method} ${why} ${FATE[details.sent]}`, details);
    this.timeout = timeout;
  }
}

/** The connection ended before the answer came; what ended it is the `cause`, if that was an error. */
export class ConnectionLostError extends CallError {
  override readonly name = "ConnectionLostError";

  constructor(ending: string, details: CallErrorDetails) {
    super(`${ending} before the call ${details.method} was answered. ${FATE[details.sent]}`, details);
  }
}

/** "closed": it wasn't to wait for a connection. "refused": its frame may not be sent. "terminated": nothing is sent any more. */
export type CallNotSentReason = "closed" | "refused" | "terminated";

/** The call can't be sent. `sent` is always "no". */
export class CallNotSentError extends CallError {
  override readonly name = "CallNotSentError";
  readonly reason: CallNotSentReason;

  constructor(reason: CallNotSentReason, why: string, method: string) {
    super(`The call ${method} was not sent: ${why}`, { method, sent: "no" });
    this.reason = reason;
  }
}

/** As many calls are pending as the rpc allows. `sent` is always "no". */
export class TooManyCallsError extends CallError {
  override readonly name = "TooManyCallsError";
  readonly maxPending: number;

  constructor(maxPending: number, method: string) {
    super(
      `The call ${method} was not sent: ${maxPending} calls are pending on this connection. Await some first, or raise maxPending.`,
      { method, sent: "no" },
    );
    this.maxPending = maxPending;
  }
}

/** The server's answer to a call is an error: its code, its message, and what else it says. A handler may throw one. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/** The server refused a subscription. The connection goes on, and the subscription is not asked for again. */
export class SubscriptionRefusedError extends Error {
  override readonly name = "SubscriptionRefusedError";
  readonly method: string;

  constructor(method: string, cause: unknown) {
    const answer = cause instanceof Error ? cause.message : String(cause);
    super(
      `The server refused the subscription ${method}. Mend its parameters and subscribe again. It said: ${answer}`,
      {
        cause,
      },
    );
    this.method = method;
  }
}

/** More came than an iterator's buffer holds, so the subscription was ended rather than messages be lost unseen. */
export class SubscriptionOverflowError extends Error {
  override readonly name = "SubscriptionOverflowError";
  readonly buffer: number;

  constructor(buffer: number, method: string) {
    super(
      `The subscription ${method} was ended: ${buffer} messages waited and nobody read them. Read faster, raise buffer, or choose overflow: "drop-oldest".`,
    );
    this.buffer = buffer;
  }
}

/** The connection runs a module that this rpc knows nothing of, so no answer would ever be seen. */
export class ForeignConnectionError extends TypeError {
  override readonly name = "ForeignConnectionError";

  constructor(module: string) {
    super(
      `The connection runs the module ${module}, which this rpc didn't make, so no answer would be seen. Make the module with rpc.define(name, callbacks).`,
    );
  }
}
