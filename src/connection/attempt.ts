/**
 * One attempt: ask the providers, then open a channel; and the words for what can go wrong on the way.
 *
 * Everything here is said to an AttemptListener, and nothing after `abort()`.
 */
import type { Platform } from "../platform/platform.ts";
import type { Channel, ChannelListener, HeaderPair, Opening } from "../transport/channel.ts";
import { FreshError, type FreshErrorPhase } from "./errors.ts";
import { attemptError, headersOf } from "./failures.ts";
import { parseHeaders } from "./headers.ts";
import type { Asking, HeadersInput, Provider } from "./option-types.ts";
import type { ResolvedOptions } from "./options.ts";
import { parseUri } from "./uri.ts";

export type AttemptSource = {
  readonly platform: Pick<Platform, "openChannel" | "clock">;
  readonly uri: URL | Provider<string | URL>;
  /** The connection, as the providers see it. */
  readonly self: Asking;
  readonly options: Pick<
    ResolvedOptions,
    | "headers"
    | "transportOptions"
    | "upgradeOptions"
    | "maxMessageSize"
    | "maxFragments"
    | "maxRedirects"
    | "closeTimeout"
    | "hibernateAfter"
    | "ref"
  >;
};

export interface AttemptListener extends Omit<ChannelListener, "opened" | "failed"> {
  /** The providers have answered. */
  provided(url: URL, headers: readonly HeaderPair[]): void;
  opened(channel: Channel, status: number, headers: Headers): void;
  failed(error: FreshError): void;
}

export class Attempt {
  readonly #source: AttemptSource;
  readonly #listener: AttemptListener;
  /** Of the providers; an attempt without any is cheaper without it, and fleets make many. */
  #cancel: AbortController | undefined;
  #target: { readonly url: URL; readonly headers: readonly HeaderPair[] } | undefined;
  #opening: Opening | undefined;

  constructor(source: AttemptSource, listener: AttemptListener) {
    this.#source = source;
    this.#listener = listener;
  }

  /** Asks the providers; `provided` or `failed` follows, at once when there are none to ask. */
  ask(attempt: number): void {
    const { uri, self } = this.#source;
    const { headers } = this.#source.options;
    if (typeof uri !== "function" && typeof headers !== "function") {
      this.#provide(uri, headers);
      return;
    }
    this.#cancel = new AbortController();
    const { signal } = this.#cancel;
    const context = { attempt, signal, self };
    const asked = Promise.all([
      typeof uri === "function" ? answerOf("uri", () => uri(context)) : uri,
      typeof headers === "function" ? answerOf("headers", () => headers(context)) : headers,
    ]);
    asked
      .then(([givenUri, givenHeaders]) => this.#take(givenUri, givenHeaders))
      .catch((error: FreshError) => {
        if (!signal.aborted) this.#listener.failed(error);
      });
  }

  /** Opens a channel to what was provided. */
  open(): void {
    if (this.#target === undefined) throw new Error("The attempt has no target yet: open() comes after provided().");
    const { url, headers } = this.#target;
    const { upgradeOptions, transportOptions, maxMessageSize, maxFragments, maxRedirects, closeTimeout, ref } =
      this.#source.options;
    const { hibernateAfter } = this.#source.options;
    const { platform } = this.#source;
    const listener = this.#listener;
    this.#opening = platform.openChannel(
      {
        url,
        headers,
        subprotocols: upgradeOptions.subprotocols,
        extensions: upgradeOptions.extensions,
        transportOptions: transportOptions as Readonly<Record<string, unknown>>,
        // 0 is written for "no limit"; the protocol knows Infinity only.
        maxMessageSize: maxMessageSize || Number.POSITIVE_INFINITY,
        maxFragments: maxFragments || Number.POSITIVE_INFINITY,
        maxRedirects,
        closeTimeout,
        hibernates: hibernateAfter !== Number.POSITIVE_INFINITY,
        ref,
      },
      {
        connected: () => listener.connected(),
        redirected: (redirect) => listener.redirected(redirect),
        opened: (channel, status, received) => listener.opened(channel, status, headersOf(received)),
        failed: (failure) => listener.failed(attemptError(failure, platform.clock.wallClock())),
        frame: (frame) => listener.frame(frame),
        castFailed: (failure) => listener.castFailed(failure),
        ended: (end) => listener.ended(end),
      },
    );
  }

  /** What it is waiting for now. */
  get phase(): FreshErrorPhase {
    return this.#opening?.phase ?? "provider";
  }

  /** Gives the attempt up at any moment before it has opened; silent. */
  abort(): void {
    this.#cancel?.abort(new Error("The attempt was given up."));
    this.#opening?.abort();
  }

  #take(givenUri: string | URL, givenHeaders: HeadersInput): void {
    if (this.#cancel?.signal.aborted) return;
    let url: URL;
    try {
      url = parseUri(givenUri);
    } catch (cause) {
      throw providerError("uri", "invalid_uri", (cause as Error).message, cause);
    }
    let headers: ReturnType<typeof parseHeaders>;
    try {
      headers = parseHeaders(givenHeaders);
    } catch (cause) {
      throw providerError(
        "headers",
        "provider",
        `what the headers function gave failed to be read: ${wordsOf(cause)}`,
        cause,
      );
    }
    if ("fault" in headers) {
      throw new FreshError({
        kind: "upgrading_failed",
        phase: "provider",
        reason: "invalid_header",
        detail: `what the headers function gave ${headers.fault}.`,
      });
    }
    this.#provide(url, headers);
  }

  #provide(url: URL, headers: readonly HeaderPair[]): void {
    this.#target = { url, headers };
    this.#listener.provided(url, headers);
  }
}

// A provider is called in a microtask, so that not even one that throws at once is heard of before start() has returned.
async function answerOf<T>(option: "uri" | "headers", ask: () => T | Promise<T>): Promise<T> {
  await undefined;
  try {
    return await ask();
  } catch (cause) {
    throw providerError(option, "provider", `the ${option} function failed: ${wordsOf(cause)}`, cause);
  }
}

function wordsOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.message : String(thrown);
  } catch {
    return "it threw something that has no words";
  }
}

function providerError(option: string, reason: string, what: string, cause: unknown): FreshError {
  return new FreshError({
    kind: "connecting_failed",
    phase: "provider",
    reason,
    detail: reason === "provider" ? what : `what the ${option} function gave can't be used. ${what}`,
    cause,
    ...retryAfterOf(cause),
  });
}

/** A provider's error may say how long its own server wants to be left alone, as a refused upgrade does. */
function retryAfterOf(cause: unknown): { readonly retryAfter?: number } {
  if (!(cause instanceof Error) || !("retryAfter" in cause)) return {};
  const { retryAfter } = cause;
  return typeof retryAfter === "number" && retryAfter >= 0 ? { retryAfter } : {};
}
