/**
 * From what a transport, a frame's check or a deadline says to the FreshError that handleError gets.
 */
import type { ChannelEnd, ChannelFailure, HeaderPair } from "../transport/channel.ts";
import { FreshError, type FreshErrorPhase } from "./errors.ts";
import type { AttemptPhase } from "./lifecycle.ts";
import { parseRetryAfter } from "./retry-after.ts";

/** Why a frame could not be sent: what faultOf or a channel says. */
export type SendFault = { readonly reason: string; readonly message: string };

/** `phase`: how far the connection was when the frame was to be sent. */
export function encodingError(fault: SendFault, phase: FreshErrorPhase): FreshError {
  return new FreshError({ kind: "encoding_failed", phase, reason: fault.reason, detail: fault.message });
}

export function castingError(failure: SendFault & { readonly cause?: unknown }, phase: FreshErrorPhase): FreshError {
  const { reason, message, cause } = failure;
  return new FreshError({ kind: "casting_failed", phase, reason, detail: message, cause });
}

/** Of frames that a link still held when this end gave it up. */
export function givenUpError(frames: number, phase: FreshErrorPhase): FreshError {
  const what = frames === 1 ? "A frame that send had accepted was" : `${frames} frames that send had accepted were`;
  const message = `${what} still waiting for the system to take them when the connection was given up. Send again what matters.`;
  return castingError({ reason: "given_up", message }, phase);
}

/** Of a violation, a failed extension or a loss; a close frame is no error. */
export function endError(end: Exclude<ChannelEnd, { type: "closed" }>, phase: FreshErrorPhase): FreshError {
  if (end.type === "violated") {
    const { closeCode, reason, message } = end.violation;
    return new FreshError({ kind: "decoding_failed", phase, reason, detail: message, closeCode });
  }
  const { reason, message, cause } = end;
  const kind = end.type === "lost" ? "streaming_failed" : "processing_failed";
  return new FreshError({ kind, phase, reason, detail: message, cause });
}

/** Of an attempt that a transport has given up. `wallClock` is the time now, for a Retry-After that is a date. */
export function attemptError(failure: ChannelFailure, wallClock: number): FreshError {
  const { kind, phase, reason, message, cause, status, body } = failure;
  const headers = failure.headers === undefined ? undefined : headersOf(failure.headers);
  const asked = headers?.get("retry-after") ?? null;
  const retryAfter = parseRetryAfter(asked, wallClock);
  return new FreshError({
    kind,
    phase,
    reason,
    detail: message,
    cause,
    ...(status === undefined ? {} : { status }),
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined ? {} : { body }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  });
}

/** What connectTimeout ran out on → what had not happened, and what to look at. */
const HUNG_IN: Partial<Record<FreshErrorPhase, string>> = {
  dns: "the host name was not looked up",
  tls: "the server was reached, but didn't finish the TLS handshake",
  proxy: "the proxy didn't open a way to the server",
};
const CHECK: Partial<Record<FreshErrorPhase, string>> = {
  dns: "Check this machine's resolver, or transportOptions.lookup",
  tcp: "Check host, port and firewalls on the way",
  tls: "Check that it speaks TLS on this port",
  proxy: "Check the proxy, and that it may reach the server",
};

/** Of an attempt whose deadline ran out. `waitedFor` is what it was waiting for then. */
export function timeoutError(
  timer: AttemptPhase,
  waitedFor: FreshErrorPhase,
  options: { readonly [Phase in AttemptPhase as `${Phase}Timeout`]: number },
): FreshError {
  const limit = options[`${timer}Timeout`];
  const sentences: Record<AttemptPhase, string> = {
    provider: `the functions given for uri and headers took more than ${limit} ms. Make them faster, or raise providerTimeout.`,
    connect: `${HUNG_IN[waitedFor] ?? "the server was not reached"} within ${limit} ms. ${CHECK[waitedFor] ?? "Check address and network"}, or raise connectTimeout.`,
    upgrade:
      waitedFor === "upgrade"
        ? `the server did not answer the upgrade request within ${limit} ms. Check that it serves WebSockets at this path, or raise upgradeTimeout.`
        : // The first server has been reached, or the deadline would be another.
          `${limit} ms after the first upgrade request the server that a redirect leads to had not been reached. Check where it leads, or raise upgradeTimeout.`,
  };
  return new FreshError({
    kind: timer === "upgrade" ? "establishing_failed" : "connecting_failed",
    phase: waitedFor,
    reason: "timed_out",
    detail: sentences[timer],
  });
}

export function headersOf(pairs: readonly HeaderPair[]): Headers {
  const headers = new Headers();
  for (const [name, value] of pairs) {
    try {
      headers.append(name, value);
    } catch {
      // A parser may let through what a Headers object refuses to hold; such a header can't be asked for either.
    }
  }
  return headers;
}
