/**
 * Opens a channel over HTTP/1.1: a socket, an upgrade request, its answer (RFC 6455 §4.1). What comes after a valid 101
 * is http1-channel.ts.
 *
 * The order of an attempt: a socket, dialled or of the caller's agent → `connected` → the request goes out → interim answers are
 * passed over → a 101 that keeps to the RFC opens the channel; anything else fails the attempt.
 * Whichever of failure, `abort()` and 101 is first takes the listener out of this object, so that nothing can follow it.
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import {
  agreeTo,
  createKey,
  Engine,
  type ExtensionStack,
  extensionsOf,
  type HandshakeResult,
  type NegotiationResult,
  offersOf,
  validateResponse,
  valuesOf,
} from "../protocol/index.ts";
import { type Address, addressOf } from "./address.ts";
import type {
  ChannelFailure,
  ChannelListener,
  ChannelRequest,
  HeaderPair,
  OpenChannel,
  Opening,
  OpeningPhase,
} from "./channel.ts";
import { ConnectingSocket } from "./connecting-socket.ts";
import {
  answerRefused,
  openingFailure,
  proxyRefused,
  requestFailure,
  thrownFailure,
  timeoutFailure,
  upgradeRefused,
} from "./failure.ts";
import { Http1Channel } from "./http1-channel.ts";
import { abandon, makeRequest, type Outgoing } from "./outgoing.ts";
import { isRedirect } from "./redirect-target.ts";
import { RefusalReader } from "./refusal.ts";
import { headFault } from "./response-head.ts";
import { type UpgradeHeaders, upgradeHeaders } from "./upgrade-request.ts";

/**
 * Header fields of an answer. Their bytes are bounded by maxHeaderSize: 16 KiB unless given, which is Node's own default. Node would
 * cut a list of more than a thousand fields silently; this bound is far below.
 */
const MAX_HEADERS = 128;
/** 1xx answers before the real one. A few are usual (102 while it works, 103 with hints); more serve nobody. */
const MAX_INTERIM = 16;

export const openHttp1Channel: OpenChannel = (request, listener) => {
  const opening = new Http1Opening(request, listener);
  opening.start();
  return opening;
};

class Http1Opening implements Opening {
  readonly #request: ChannelRequest;
  readonly #key = createKey();
  /** Undefined once the attempt is over, one way or the other. */
  #listener: ChannelListener | undefined;
  #label = "";
  #subprotocols: readonly string[] = [];
  /** What is offered, as it stands in the request. */
  #offers: readonly string[] = [];
  #engine: Engine | undefined;
  #outgoing: Outgoing | undefined;
  #connecting: ConnectingSocket | undefined;
  /** What a proxy answered to the agent that asked it for a tunnel. */
  #proxyStatus = 200;
  #refusal: RefusalReader | undefined;
  #interim = 0;

  constructor(request: ChannelRequest, listener: ChannelListener) {
    this.#request = request;
    this.#listener = listener;
  }

  start(): void {
    const { url, headers, subprotocols } = this.#request;
    const address = addressOf(url);
    if (address === undefined) {
      const takes = "It takes ws:, wss:, or ws+unix:/path/to.sock:/request/path.";
      this.#failLater(requestFailure("invalid_uri", `This address (${url.protocol}) can't be connected to. ${takes}`));
      return;
    }
    this.#label = address.label;
    try {
      this.#offers = offersOf(this.#request.extensions);
    } catch (error) {
      // They may be made anew for each attempt.
      const message = "An extension failed when it was asked for its offers, so the upgrade request was not sent.";
      this.#failLater(requestFailure("invalid_option", message, error));
      return;
    }
    const composed = upgradeHeaders({
      authority: address.authority,
      key: this.#key,
      headers,
      subprotocols,
      extensions: this.#offers,
    });
    if (composed.type === "fault") {
      this.#failLater(requestFailure(composed.reason, composed.message));
      return;
    }
    this.#subprotocols = composed.subprotocols;
    try {
      // Made before anything goes out: it is the one that knows which limits it can take.
      this.#engine = this.#newEngine();
    } catch (error) {
      this.#failLater(requestFailure("invalid_option", (error as Error).message, error));
      return;
    }
    try {
      this.#send(address, composed);
    } catch (error) {
      this.#failLater(thrownFailure(error, this.#label));
    }
  }

  get phase(): OpeningPhase {
    const progress = this.#progress;
    if (progress === "answer") return "upgrade";
    const proxied = this.#outgoing?.proxied === true && progress !== "tls";
    // As a failure of the same moment would be called (failure.ts).
    if (proxied) return "proxy";
    return progress === "agent" ? "tcp" : progress;
  }

  abort(): void {
    if (this.#listener !== undefined) this.#release();
  }

  #send(address: Address, { pairs }: UpgradeHeaders): void {
    const { transportOptions } = this.#request;
    this.#outgoing = makeRequest(address, pairs, transportOptions, (socket) => this.#follow(socket, address));
    const { request } = this.#outgoing;
    // For our own socket this says nothing new.
    request.on("socket", (socket) => this.#follow(socket, address));
    this.#listenTo(request);
    request.end();
  }

  #listenTo(request: ClientRequest): void {
    request.on("information", () => this.#passedOver());
    request.on("response", (response) => this.#answered(response));
    request.on("upgrade", (response, socket, head) => this.#upgraded(response, socket, head));
    request.on("timeout", () => this.#fail(timeoutFailure(this.#progress, this.#label)));
    // Stays for good: Node may have more than one thing to say about a request that is over.
    request.on("error", (error) => this.#failed(error));
    // Agents say this that have asked a proxy for a tunnel; if it was refused, they then hand over the proxy's own answer.
    request.on("proxyConnect", ({ statusCode }: { readonly statusCode: number }) => {
      this.#proxyStatus = statusCode;
    });
  }

  #follow(socket: Socket, { named }: Address): void {
    if (this.#connecting !== undefined) return;
    this.#connecting = new ConnectingSocket(socket, { named, ref: this.#request.ref }, () => {
      if (this.#proxyStatus === 200) this.#listener?.connected();
    });
    this.#connecting.follow();
  }

  get #progress() {
    return this.#connecting?.progress ?? "agent";
  }

  #passedOver(): void {
    this.#interim += 1;
    if (this.#interim <= MAX_INTERIM) return;
    const message = `${this.#label} sent more than ${MAX_INTERIM} interim (1xx) answers to the upgrade request, and no final one.`;
    this.#fail(answerRefused("too_many_interim_responses", message));
  }

  /** Anything but a 101 that Node's parser takes for an upgrade. */
  #answered(response: IncomingMessage): void {
    if (this.#listener === undefined) return;
    const status = response.statusCode ?? 0;
    const headers = pairsOf(response.rawHeaders);
    const fault = this.#faultOf(response, headers);
    if (fault !== undefined) {
      this.#fail(fault);
    } else if (status === 101) {
      this.#fail(this.#invalid101(this.#judge(response, headers), headers));
    } else if (this.#proxyStatus === 200 && this.#request.maxRedirects > 0 && isRedirect(status)) {
      // Whoever asked for redirects (redirect.ts) has no use for the body.
      this.#fail(upgradeRefused(this.#label, { status, headers }, this.#request.url));
    } else {
      this.#refusal = new RefusalReader(response, this.#request, (body) => {
        const refused = this.#proxyStatus === 200 ? upgradeRefused : proxyRefused;
        this.#fail(refused(this.#label, { status, headers, body }, this.#request.url));
      });
    }
  }

  #upgraded(response: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    if (this.#listener === undefined) {
      socket.destroy();
      return;
    }
    const headers = pairsOf(response.rawHeaders);
    const fault = this.#faultOf(response, headers);
    const verdict = this.#judge(response, headers);
    if (fault !== undefined) {
      this.#fail(fault);
    } else if (verdict.type === "refused") {
      this.#fail(this.#invalid101(verdict, headers));
    } else {
      const agreement = this.#agree(headers);
      if (agreement.type === "refused") {
        this.#fail(answerRefused("extensions", `${this.#label}: ${agreement.message}`, { status: 101, headers }));
      } else {
        this.#open(verdict, agreement.stack, socket as Socket).open(headers, head);
      }
    }
  }

  #open(
    { protocol, extensions }: Extract<HandshakeResult, { type: "accepted" }>,
    stack: ExtensionStack | undefined,
    socket: Socket,
  ): Http1Channel {
    const listener = this.#listener as ChannelListener;
    const engine = stack === undefined ? (this.#engine as Engine) : this.#newEngine(stack);
    const { closeTimeout, ref } = this.#request;
    this.#connecting?.leave();
    this.#listener = undefined;
    this.#outgoing = undefined;
    this.#connecting = undefined;
    // An agent may hand out any stream; what is not a TCP socket does without these.
    socket.setTimeout?.(0);
    socket.setNoDelay?.(true);
    return new Http1Channel({ socket, engine, protocol, extensions, label: this.#label, closeTimeout, ref }, listener);
  }

  /** What no answer may look like, whatever its status. */
  #faultOf(response: IncomingMessage, headers: readonly HeaderPair[]): ChannelFailure | undefined {
    const status = response.statusCode ?? 0;
    if (headers.length > MAX_HEADERS) {
      const message = `${this.#label} answered with ${headers.length} header fields; at most ${MAX_HEADERS} are taken.`;
      return answerRefused("too_many_headers", message, { status });
    }
    const fault = headFault(response);
    if (fault === undefined) return undefined;
    const message = `${this.#label} answered with a header that is no HTTP: ${fault}. Check that host and port are right.`;
    return answerRefused("malformed_response", message, { status });
  }

  #judge({ httpVersion }: IncomingMessage, headers: readonly HeaderPair[]): HandshakeResult {
    const asked = { key: this.#key, subprotocols: this.#subprotocols, offeredExtensions: this.#offers };
    return validateResponse({ status: 101, httpVersion, headers }, asked);
  }

  /** The answer names only what was offered; the extensions themselves say whether they can agree to it. */
  #agree(headers: readonly HeaderPair[]): NegotiationResult {
    const entries = extensionsOf(valuesOf(headers, "sec-websocket-extensions")) ?? [];
    const { extensions, maxMessageSize, hibernates } = this.#request;
    return agreeTo(entries, extensions, { role: "client", maxMessageSize, hibernates });
  }

  #newEngine(extensions?: ExtensionStack): Engine {
    const { maxMessageSize, maxFragments } = this.#request;
    return new Engine({ role: "client", maxMessageSize, maxFragments, extensions });
  }

  #invalid101(verdict: HandshakeResult, headers: readonly HeaderPair[]): ChannelFailure {
    const details = { status: 101, headers };
    return verdict.type === "refused"
      ? answerRefused(verdict.reason, `${this.#label}: ${verdict.message}`, details)
      : // Node's parser saw no upgrade where our own reading of the header sees one; what follows has gone through the parser.
        answerRefused("upgrade", `${this.#label}: the server's 101 names no upgrade that can be read.`, details);
  }

  /** Node tells of every end before an answer as an error. */
  #failed(error: Error): void {
    // The body of a refusal tells of its own end.
    if (this.#listener === undefined || this.#refusal !== undefined) return;
    const thrown = this.#outgoing?.thrown();
    if (thrown !== undefined) {
      this.#fail(thrownFailure(thrown.error, this.#label));
      return;
    }
    this.#fail(openingFailure(error, this.#progress, this.#label, this.#outgoing?.proxied === true));
  }

  /** Never before `start` has returned. */
  #failLater(failure: ChannelFailure): void {
    process.nextTick(() => this.#fail(failure));
  }

  #fail(failure: ChannelFailure): void {
    const listener = this.#listener;
    this.#release();
    listener?.failed(failure);
  }

  #release(): void {
    this.#listener = undefined;
    this.#refusal?.cancel();
    if (this.#outgoing !== undefined) abandon(this.#outgoing.request);
    this.#connecting?.socket.destroy();
    this.#refusal = undefined;
    this.#outgoing = undefined;
    this.#connecting = undefined;
  }
}

/** Node gives names and values in one flat list. */
function pairsOf(rawHeaders: readonly string[]): readonly HeaderPair[] {
  const pairs: HeaderPair[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    pairs.push([(rawHeaders[index] as string).toLowerCase(), rawHeaders[index + 1] as string]);
  }
  return pairs;
}
