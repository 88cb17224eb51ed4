/**
 * One connection as the calls and subscriptions on it see it: whether anything can be sent, in which order, and what comes back.
 *
 *     down ──handleConnect──▶ connecting ──it has answered──▶ open ──handleDisconnect, handleError──▶ down ──handleTerminate──▶ over
 *
 * With each connection go out: handleConnect's own replies, calls that don't wait for ready(), subscriptions in their order, calls
 * that are made once more, what waited in the connection's outbox, calls that waited here. With `ready: "told"` everything from the
 * subscriptions on waits for ready().
 */
import { type Connection, type DataFrame, type FrameLike, type GenericResponse, reply } from "../index.ts";
import type { Call, CallOptions, CallRequest } from "./call.ts";
import { Calls, type Ending, type RpcStats } from "./calls.ts";
import { Delivery } from "./delivery.ts";
import { CallNotSentError } from "./errors.ts";
import { bufferOf, type ResolvedRpcOptions, timeoutOf } from "./options.ts";
import type { CallId, RpcProtocol } from "./protocol.ts";
import { Serving } from "./serving.ts";
import type { GapReason, SubscribeOptions, Subscription } from "./subscribing.ts";
import { type SubscriptionPort, SubscriptionProcess } from "./subscription.ts";

/** How a connection has ended. */
export type LinkEnding = Ending & { readonly reason: Exclude<GapReason, "replaced"> };

/** What a session tells itself through the mailbox of its connection, so that it is done in its turn. */
export class Note {
  readonly deliver: () => void;

  constructor(deliver: () => void) {
    this.deliver = deliver;
  }
}

/** false: nothing of ours, so the module gets it. */
export type Taken = boolean | Promise<void>;

type Subscribed<Message> = Pick<
  SubscriptionProcess<Message, unknown, unknown, unknown>,
  "ask" | "notAsked" | "offer" | "linkEnded" | "linkReplaced" | "terminate"
>;

export class Session<Message, Id extends CallId> {
  readonly #connection: Connection<unknown>;
  readonly #protocol: RpcProtocol<Message, unknown, Id>;
  readonly #options: ResolvedRpcOptions;
  readonly #calls: Calls;
  readonly #delivery: Delivery;
  readonly #serving: Serving | undefined;
  readonly #subscriptions = new Set<Subscribed<Message>>();
  #state: "down" | "connecting" | "open" | "over" = "down";
  /** Counts handleConnect's runs. */
  #link = 0;
  /** The module has called ready() on this connection. */
  #told = false;
  /** A connection that was replaced may still bring answers. */
  #overlapping = false;

  constructor(
    connection: Connection<unknown>,
    protocol: RpcProtocol<Message, unknown, Id>,
    options: ResolvedRpcOptions,
  ) {
    this.#connection = connection;
    this.#protocol = protocol;
    this.#options = options;
    this.#delivery = new Delivery(connection);
    this.#calls = new Calls(options, {
      id: (count) => protocol.id?.(count) ?? count,
      encode: (id, request) => this.#encode(id as Id, request),
      isGiven: (call) => this.#delivery.isGiven(call.number),
    });
    if (Object.keys(options.handlers).length > 0 && protocol.incoming !== undefined) {
      this.#serving = new Serving(options.handlers, options.maxPending, connection, {
        respond: (frame, link) => {
          if (link === this.#link && connection.isOpen) connection.send(frame, { whenClosed: "drop" });
        },
        fault: (error) =>
          connection.info(
            new Note(() => {
              throw error;
            }),
          ),
      });
    }
  }

  get stats(): RpcStats {
    return this.#calls.stats;
  }

  // ── From users ─────────────────────────────────────────────────────────────────────────────────────────────────

  call(method: string, params: unknown, options: CallOptions, expects: "answer" | "nothing"): Promise<unknown> {
    // What is thrown in here rejects the promise.
    return new Promise((resolve, reject) => {
      options.signal?.throwIfAborted();
      if (this.#state === "over" || this.#connection.status === "terminated") {
        throw new CallNotSentError(
          "terminated",
          "the connection has terminated. Start a new one, or let a supervisor do so.",
          method,
        );
      }
      if (options.whenClosed === "drop" && !this.#maySend(options.beforeReady === true)) {
        throw new CallNotSentError(
          "closed",
          "the connection isn't open, or not ready, and the call wasn't to wait for that.",
          method,
        );
      }
      const timeout = timeoutOf(options.timeout, this.#options.timeout);
      const request: CallRequest = { method, params, expects, origin: "caller", timeout, options };
      this.#transmit(this.#calls.open(request, { resolve, reject }));
    });
  }

  subscribe<Params, Item, Confirmation>(
    options: SubscribeOptions<Message, Params, Item, Confirmation>,
  ): Subscription<Item> {
    const port: SubscriptionPort = {
      clock: this.#options.clock,
      timeout: timeoutOf(options.timeout, this.#options.timeout),
      buffer: bufferOf(options.buffer),
      open: (request, settle) => this.#calls.open(request, settle),
      transmit: (call) => this.#transmit(call),
      answer: (call, read) => this.#calls.answer(call, read),
      abandon: (call) => this.#calls.abort(call, undefined),
      remove: () => this.#subscriptions.delete(subscription),
    };
    const subscription = new SubscriptionProcess(options, port);
    if (this.#state === "over" || this.#connection.status === "terminated") {
      subscription.terminate();
      return subscription;
    }
    this.#subscriptions.add(subscription);
    this.#establish(subscription);
    return subscription;
  }

  /** The module says that the server knows who we are. */
  ready(): void {
    if (this.#state === "down" || this.#state === "over") return;
    this.#told = true;
    this.#sendAll();
  }

  // ── From the module's callbacks ────────────────────────────────────────────────────────────────────────────────

  /** handleConnect is about to run. */
  connecting(): void {
    this.#overlapping = this.#state !== "down";
    this.#link += 1;
    this.#calls.begin(this.#link);
    this.#delivery.begin();
    this.#state = "connecting";
    this.#told = false;
    if (this.#overlapping) for (const subscription of [...this.#subscriptions]) subscription.linkReplaced();
  }

  /** handleConnect has answered: its response, with what goes out behind its own replies and before everybody else's. */
  connected<S>(response: GenericResponse<S>): GenericResponse<S> {
    // The connection may be over already, or about to be; and what is no response at all is the library's affair.
    const own = ownFrames(response);
    if (own === undefined || !this.#connection.isOpen) return response;
    const frames = [...own];
    const collect = (call: Call): void => {
      if (call.frame !== undefined) frames.push(call.frame);
      this.#calls.sent(call, this.#delivery.hand());
    };
    for (const call of [...this.#calls.waiting]) if (call.early) collect(call);
    if (this.#isReady) {
      for (const subscription of [...this.#subscriptions]) {
        const call = subscription.ask();
        if (call !== undefined) collect(call);
      }
      for (const call of [...this.#calls.replaying]) collect(call);
    }
    this.#connection.info(new Note(() => this.#opened()));
    return frames.length === own.length ? response : reply(frames, (response as { readonly state: S }).state);
  }

  /** A message has come. */
  take(frame: DataFrame): Taken {
    if (this.#calls.idle && this.#subscriptions.size === 0 && this.#serving === undefined) return false;
    const message = this.#read(frame);
    if (message === undefined) return false;
    const id = this.#protocol.correlate(message);
    if (id !== undefined) {
      const call = this.#calls.sentWith(id);
      if (call !== undefined) {
        this.#endOverlap(call);
        this.#calls.answer(call, () => this.#protocol.answer(message));
        return true;
      }
      if (this.#calls.takeLate(id)) return this.#options.lateAnswers === "drop";
    }
    const incoming = this.#serving === undefined ? undefined : this.#protocol.incoming?.(message);
    if (incoming !== undefined && this.#serving?.handle(incoming, this.#link) === true) return true;
    return this.#subscriptions.size === 0 ? false : this.#offer(message);
  }

  /** handleDisconnect, or a handleError that ended an attempt. */
  ended(ending: LinkEnding): void {
    if (this.#state === "down" || this.#state === "over") return;
    this.#state = "down";
    this.#overlapping = false;
    for (const subscription of [...this.#subscriptions]) subscription.linkEnded(ending.reason);
    this.#calls.lose(this.#link + 1, ending);
    this.#calls.forgetLate();
  }

  terminated(ending: Ending): void {
    this.#state = "over";
    for (const subscription of [...this.#subscriptions]) subscription.terminate();
    this.#calls.terminate(ending);
  }

  // ── Sending ────────────────────────────────────────────────────────────────────────────────────────────────────

  get #isReady(): boolean {
    return this.#options.ready === "connect" || this.#told;
  }

  #maySend(early: boolean): boolean {
    return this.#state === "open" && this.#connection.isOpen && (early || this.#isReady);
  }

  // What handleConnect's answer carried has been sent, and the outbox behind it. The end of this connection, should it have come
  // meanwhile, stands behind this in the mailbox.
  #opened(): void {
    this.#state = "open";
    this.#delivery.watch();
    this.#sendAll();
  }

  #sendAll(): void {
    for (const call of [...this.#calls.waiting]) if (call.early) this.#transmit(call);
    for (const subscription of [...this.#subscriptions]) this.#establish(subscription);
    for (const call of [...this.#calls.replaying]) this.#transmit(call);
    for (const call of [...this.#calls.waiting]) this.#transmit(call);
  }

  #establish(subscription: Subscribed<Message>): void {
    if (!this.#maySend(false)) return;
    const call = subscription.ask();
    if (call === undefined) return;
    this.#transmit(call);
    if (call.phase === "waiting") subscription.notAsked();
  }

  /** Sends a call if it may go now; else it waits on. It never gets into the outbox, where nobody could take it back. */
  #transmit(call: Call): void {
    const { frame } = call;
    if (frame === undefined || call.phase === "settled" || !this.#maySend(call.early)) return;
    const ttl = Math.max(0, call.expiresAt - this.#options.clock.now());
    const result = this.#connection.send(frame, { whenClosed: "drop", ttl });
    if (result !== "dropped") {
      this.#calls.sent(call, this.#delivery.hand());
      this.#delivery.watch();
    } else if (this.#connection.isOpen) {
      const why =
        "the connection took no more: its outbox is full, or an extension can't take the message. See stats.dropped.";
      this.#calls.refuse(call, new CallNotSentError("refused", why, call.method));
    }
  }

  #encode(id: Id, { method, params, expects, origin }: CallRequest): FrameLike {
    const protocol = this.#protocol;
    if (expects === "answer" || origin === "subscription") return protocol.request(id, method, params);
    if (protocol.notification === undefined) {
      throw new TypeError(
        `This protocol has no notifications, so ${method} can't be one. Give it a notification function, or use call().`,
      );
    }
    return protocol.notification(method, params);
  }

  // ── Receiving ──────────────────────────────────────────────────────────────────────────────────────────────────

  #read(frame: DataFrame): Message | undefined {
    try {
      return this.#protocol.read(frame);
    } catch {
      // Not this protocol's: the module gets it as it came.
      return undefined;
    }
  }

  #offer(message: Message): Taken {
    let pending: Promise<void> | undefined;
    let taken = false;
    for (const subscription of [...this.#subscriptions]) {
      const offered = subscription.offer(message);
      if (offered === undefined) continue;
      taken = true;
      if (offered === true) continue;
      pending = pending === undefined ? offered : Promise.all([pending, offered]).then(() => undefined);
    }
    return pending ?? taken;
  }

  // What a replaced connection still brings is delivered before anything of the new one (section 2.11 of the design). So the first
  // answer to a call that was sent on the new one says that the old one is over, and so are the calls on it.
  #endOverlap(call: Call): void {
    if (!this.#overlapping || call.link !== this.#link) return;
    this.#overlapping = false;
    this.#calls.lose(this.#link, { words: "The connection was replaced, and the old one ended" });
    for (const replaying of [...this.#calls.replaying]) this.#transmit(replaying);
  }
}

/** The frames of a handleConnect's response that lets the connection go on; undefined of any other. */
function ownFrames(response: GenericResponse<unknown>): readonly FrameLike[] | undefined {
  if (typeof response !== "object" || response === null) return undefined;
  if (response.type === "ok") return [];
  if (response.type !== "reply") return undefined;
  const frames: readonly FrameLike[] = isList(response.frames) ? response.frames : [response.frames];
  return frames.some((frame) => typeof frame === "object" && "type" in frame && frame.type === "close")
    ? undefined
    : frames;
}

function isList(frames: FrameLike | readonly FrameLike[]): frames is readonly FrameLike[] {
  return Array.isArray(frames);
}
