/**
 * The errors of this library, as a tree:
 *
 *     Error
 *     ├── FreshError             what handleError gets: one of eight kinds, in words that can be acted on
 *     ├── InvalidOptionError     start(): an option that can't be taken
 *     ├── InvalidUriError        start(): an address that can't be connected to
 *     ├── AlreadyStartedError    start(): the name is taken; has .connection
 *     ├── NoSuchConnectionError  send(), close(), info(): nobody has that name, or it has terminated
 *     ├── TerminatedError        opened(), drain(): the connection terminated first
 *     ├── CredentialError        of refreshable(): no credential is to be had, or the server doesn't take it
 *     └── …                      supervision's own: LinkedExitError, NameTakenError, SupervisorError, AlreadyRegisteredError
 */
import { describeExitReason, type ExitReason } from "../supervision/exit-reason.ts";

/** Fresh's eight kinds of failure, in the order in which an attempt can meet them. */
export type FreshErrorKind =
  | "connecting_failed"
  | "upgrading_failed"
  | "establishing_failed"
  | "streaming_failed"
  | "processing_failed"
  | "decoding_failed"
  | "encoding_failed"
  | "casting_failed";

/** Where in a connection's life the failure arose. */
export type FreshErrorPhase = "provider" | "dns" | "tcp" | "tls" | "proxy" | "upgrade" | "open" | "closing";

/** kind → when it arises, whether the attempt is over with it, and how its sentence begins. */
export const ERROR_KINDS: Readonly<
  Record<FreshErrorKind, { readonly terminal: boolean; readonly title: string; readonly when: string }>
> = {
  connecting_failed: {
    terminal: true,
    title: "Connecting failed",
    when: "a provider, DNS, TCP, TLS or a proxy failed, or connectTimeout ran out",
  },
  upgrading_failed: {
    terminal: true,
    title: "Sending the upgrade request failed",
    when: "the upgrade request can't be made or sent",
  },
  establishing_failed: {
    terminal: true,
    title: "Establishing the WebSocket connection failed",
    when: "the answer is no valid 101, or none came in time",
  },
  streaming_failed: {
    terminal: true,
    title: "The connection was lost",
    when: "the transport ended or failed after the 101, or no byte came within pongTimeout of a ping",
  },
  processing_failed: {
    terminal: true,
    title: "Processing failed",
    when: "the inbox or an extension could not take what came",
  },
  decoding_failed: {
    terminal: true,
    title: "The peer broke the protocol",
    when: "bytes came that RFC 6455 forbids, or more than a limit allows; 1002, 1007 or 1009 was sent first",
  },
  encoding_failed: {
    terminal: false,
    title: "A frame can't be sent",
    when: "a frame may not be sent: close code, reason, control payload, lone surrogate, or a wrong type",
  },
  casting_failed: {
    terminal: false,
    title: "Sent frames were lost",
    when: "frames were accepted by send, then writing them failed",
  },
};

export type FreshErrorDetails = {
  readonly kind: FreshErrorKind;
  readonly phase: FreshErrorPhase;
  /** Stable and machine-readable, such as "refused" or "invalid_utf8". */
  readonly reason: string;
  /** What happened, to what, what to do next: a sentence. */
  readonly detail: string;
  readonly cause?: unknown;
  readonly status?: number;
  readonly headers?: Headers;
  readonly body?: string;
  readonly closeCode?: number;
  readonly retryAfter?: number;
};

/** What handleError gets. `kind` is one of eight, `reason` says more, `message` is for people. */
export class FreshError extends Error {
  override readonly name = "FreshError";
  readonly kind: FreshErrorKind;
  readonly phase: FreshErrorPhase;
  /** Stable and machine-readable, such as "refused" or "invalid_utf8". */
  readonly reason: string;
  /** Of a refused upgrade (establishing_failed). */
  readonly status: number | undefined;
  readonly headers: Headers | undefined;
  /** Of a refused upgrade: the first 64 KiB of its body as text. */
  readonly body: string | undefined;
  /** Of decoding_failed: the close code that was sent to the peer. */
  readonly closeCode: number | undefined;
  /** Of a refused upgrade with a Retry-After header, or of a provider whose error has a retryAfter: the wait it asks for, in ms. */
  readonly retryAfter: number | undefined;

  constructor(details: FreshErrorDetails) {
    super(
      `${ERROR_KINDS[details.kind].title}: ${details.detail}`,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.kind = details.kind;
    this.phase = details.phase;
    this.reason = details.reason;
    this.status = details.status;
    this.headers = details.headers;
    this.body = details.body;
    this.closeCode = details.closeCode;
    this.retryAfter = details.retryAfter;
  }
}

/** An option that can't be taken: which one, what it got, what it takes. */
export class InvalidOptionError extends TypeError {
  override readonly name = "InvalidOptionError";
  /** The option's name, with a dot before a nested one: "outbox.maxBytes". */
  readonly option: string;

  constructor(option: string, message: string) {
    super(message);
    this.option = option;
  }
}

/** An address that can't be connected to. The message never holds its userinfo or query values. */
export class InvalidUriError extends TypeError {
  override readonly name = "InvalidUriError";
}

/** The name is taken by a connection that hasn't terminated. */
export class AlreadyStartedError<C = unknown> extends Error {
  override readonly name = "AlreadyStartedError";
  readonly connection: C;

  constructor(name: string, connection: C) {
    super(
      `A connection named ${name} is already running. Use it (it is in .connection), stop it first, or choose another name.`,
    );
    this.connection = connection;
  }
}

/** Nobody has that name, or the connection has terminated. */
export class NoSuchConnectionError extends Error {
  override readonly name = "NoSuchConnectionError";
}

/** The connection terminated before what was waited for came about. */
export class TerminatedError extends Error {
  override readonly name = "TerminatedError";
  readonly reason: ExitReason;

  constructor(waitedFor: string, reason: ExitReason) {
    super(
      `The connection terminated (${describeExitReason(reason)}) before ${waitedFor}. Start a new one, or let a supervisor do so.`,
      typeof reason === "object" ? { cause: "error" in reason ? reason.error : reason } : undefined,
    );
    this.reason = reason;
  }
}

/**
 * Why a credential could not be had, or is of no use. Of those that end a protected connection: "unchanged", the credential was refused and
 * asking again gave the same one; "refused", as many in a row as `maxRefusals` allows were refused. Of those that pass: "failed", asking failed;
 * "timed_out", it took longer than `timeout`; "expired", what was given had expired; "unusable", what was given is no credential, or a function
 * given to `headers` or `uri` failed on it.
 */
export type CredentialErrorReason = "unchanged" | "refused" | "failed" | "timed_out" | "expired" | "unusable";

/** What went wrong with a credential of `refreshable()`: the cause of a failed attempt, or an exit reason. It never holds the credential. */
export class CredentialError extends Error {
  override readonly name = "CredentialError";
  readonly reason: CredentialErrorReason;
  /** How long, in ms, nobody is asked again; undefined when that isn't settled by a wait. */
  readonly retryAfter: number | undefined;

  constructor(
    reason: CredentialErrorReason,
    message: string,
    details?: { readonly cause?: unknown; readonly retryAfter?: number },
  ) {
    super(message, details?.cause === undefined ? undefined : { cause: details.cause });
    this.reason = reason;
    this.retryAfter = details?.retryAfter;
  }
}
