/**
 * Follows redirects on the way to a channel: each hop is an attempt of the transport below, with a request, a key and a socket of
 * its own, and to whoever listens they are one attempt.
 *
 * Which way may be gone stands in redirect-target.ts, and what goes along in redirected-request.ts.
 */
import { addressOf } from "./address.ts";
import type { ChannelFailure, ChannelListener, ChannelRequest, OpenChannel, Opening, OpeningPhase } from "./channel.ts";
import { redirectRefused, tooManyRedirects } from "./failure.ts";
import { isRedirect, redirectTarget } from "./redirect-target.ts";
import { agentHasCredentials, forAnotherOrigin } from "./redirected-request.ts";

/** The same transport, and it follows up to `maxRedirects` redirects. */
export function followingRedirects(open: OpenChannel): OpenChannel {
  return (request, listener) => {
    // Without redirects nothing stands between the transport and its listener, and no frame pays for it.
    if (request.maxRedirects === 0) return open(request, listener);
    const opening = new RedirectedOpening(open, request, listener);
    opening.start();
    return opening;
  };
}

const AGENT_FAULT = {
  reason: "insecure_redirect",
  what: "points to another server, and the agent in transportOptions shows credentials of its own, which can't be taken off",
} as const;

class RedirectedOpening implements Opening {
  readonly #open: OpenChannel;
  readonly #listener: ChannelListener;
  readonly #hopListener: ChannelListener;
  readonly #maxRedirects: number;
  /** Of the present hop. Its `maxRedirects` are those that are left. */
  #request: ChannelRequest;
  #hop: Opening | undefined;
  /** The server that redirected to the present one. */
  #cameFrom: string | undefined;
  /** "dropped" from the first hop to another origin on, for good. */
  #credentials: "kept" | "dropped" = "kept";
  #connected = false;
  #aborted = false;

  constructor(open: OpenChannel, request: ChannelRequest, listener: ChannelListener) {
    this.#open = open;
    this.#request = request;
    this.#listener = listener;
    this.#maxRedirects = request.maxRedirects;
    this.#hopListener = {
      connected: () => this.#arrived(),
      redirected: (redirect) => listener.redirected(redirect),
      opened: (channel, status, headers) => listener.opened(channel, status, headers),
      failed: (failure) => this.#failed(failure),
      frame: (frame) => listener.frame(frame),
      castFailed: (failure) => listener.castFailed(failure),
      ended: (end) => listener.ended(end),
    };
  }

  start(): void {
    this.#hop = this.#open(this.#request, this.#hopListener);
  }

  get phase(): OpeningPhase {
    return this.#hop?.phase ?? "tcp";
  }

  abort(): void {
    this.#aborted = true;
    this.#hop?.abort();
  }

  /** Only the first hop's arrival is told: what follows counts as waiting for the answer. */
  #arrived(): void {
    if (this.#connected) return;
    this.#connected = true;
    this.#listener.connected();
  }

  /** The hop is over, and its socket with it. */
  #failed(failure: ChannelFailure): void {
    const { kind, reason, status, headers = [] } = failure;
    // Of a proxy's refusal the kind is another: what a proxy points to is not the server.
    if (kind !== "establishing_failed" || reason !== "status" || status === undefined || !isRedirect(status)) {
      this.#fail(failure);
      return;
    }
    const target = redirectTarget(headers, this.#request.url);
    if (target.type === "fault") this.#fail(redirectRefused(this.#label, failure, target));
    else if (this.#request.maxRedirects === 0) this.#fail(tooManyRedirects(this.#label, failure, this.#maxRedirects));
    else if (!target.sameOrigin && agentHasCredentials(this.#request)) {
      this.#fail(redirectRefused(this.#label, failure, AGENT_FAULT));
    } else this.#follow(target, status);
  }

  #follow({ url, sameOrigin }: { readonly url: URL; readonly sameOrigin: boolean }, status: number): void {
    if (!sameOrigin) this.#credentials = "dropped";
    this.#cameFrom = this.#label;
    const next = sameOrigin ? { ...this.#request, url } : forAnotherOrigin(this.#request, url);
    this.#request = { ...next, maxRedirects: next.maxRedirects - 1 };
    this.#listener.redirected({ status, url, credentials: this.#credentials });
    if (!this.#aborted) this.start();
  }

  /** Behind a redirect an attempt fails at a place that the user has never named, so the sentence says who did. */
  #fail(failure: ChannelFailure): void {
    const from = this.#cameFrom;
    this.#listener.failed(
      from === undefined ? failure : { ...failure, message: `${failure.message} A redirect from ${from} led there.` },
    );
  }

  get #label(): string {
    return addressOf(this.#request.url)?.label ?? "";
  }
}
