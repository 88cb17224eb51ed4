/**
 * The demo's server: a price feed whose ticks are numbered and go on whether anybody listens or not, so that the client can count
 * what it missed. It takes orders and acknowledges each. And it breaks, fault by fault.
 */
import type { Frame } from "../../frame.ts";
import { type Peer, type PeerEnd, type Script, TestServer } from "../../testing/index.ts";
import { FAULTS, type Fault } from "./faults.ts";
import type { Story } from "./story.ts";

/** What the server sends, as JSON in text messages. */
export type FeedMessage =
  | { readonly type: "tick"; readonly number: number; readonly symbol: string; readonly price: number }
  /** The order of this number was taken. */
  | { readonly type: "taken"; readonly order: number }
  /** Trading is over; no tick follows. */
  | { readonly type: "bell" };

export type FeedOptions = {
  readonly faults?: readonly Fault[];
  /** ms from tick to tick. */
  readonly tickInterval?: number;
  /** Ticks on a connection before its fault. */
  readonly ticksPerConnection?: number;
};

/** Where prices begin. */
const PRICES: Readonly<Record<string, number>> = { EVER: 100, LEAF: 42.5, PINE: 7.25 };
export const SYMBOLS = Object.keys(PRICES);

export class PriceFeed {
  readonly #story: Story;
  readonly #prices = new Map(Object.entries(PRICES));
  readonly #ticksPerConnection: number;
  readonly #tickInterval: number;
  readonly #taken: number[] = [];
  #server!: TestServer;
  #clock: NodeJS.Timeout | undefined;
  #ticks = 0;
  #audience: ((tick: FeedMessage) => void) | undefined;
  #goodbye: PeerEnd | undefined;

  private constructor(story: Story, { tickInterval = 50, ticksPerConnection = 30 }: FeedOptions) {
    this.#story = story;
    this.#tickInterval = tickInterval;
    this.#ticksPerConnection = ticksPerConnection;
  }

  static async start(story: Story, options: FeedOptions = {}): Promise<PriceFeed> {
    const feed = new PriceFeed(story, options);
    const script = [...(options.faults ?? FAULTS).map((fault) => feed.#breaking(fault)), feed.#ringing()];
    feed.#server = await TestServer.start({ script });
    return feed;
  }

  get url(): string {
    return this.#server.url;
  }

  /** Ticks made so far, heard or not. */
  get ticks(): number {
    return this.#ticks;
  }

  /** The numbers of the orders taken, in the order in which they came. */
  get taken(): readonly number[] {
    return this.#taken;
  }

  /** How the last connection ended, once the bell has rung. */
  get goodbye(): PeerEnd | undefined {
    return this.#goodbye;
  }

  /** Ends everything. Rejects with what went wrong in the server itself. */
  async stop(): Promise<void> {
    clearInterval(this.#clock);
    await this.#server.stop();
  }

  #breaking(fault: Fault): Script {
    const { deed, expected } = fault;
    if (fault.on === "attempt") {
      return async (peer) => {
        await peer.request();
        this.#story.struck(deed, expected);
        await peer.refuse(fault.status, { headers: fault.headers });
      };
    }
    return async (peer) => {
      await this.#admit(peer);
      await this.#trade(peer);
      this.#story.struck(deed, expected);
      fault.strike(peer);
    };
  }

  #ringing(): Script {
    return async (peer) => {
      await this.#admit(peer);
      const order = await this.#trade(peer);
      clearInterval(this.#clock);
      send(peer, { type: "taken", order });
      send(peer, { type: "bell" });
      // Until the client's close frame.
      for await (const frame of peer.frames()) this.#take(peer, frame);
      this.#goodbye = await peer.ended;
    };
  }

  // What was queued while the client was away must come after what handleConnect answers.
  async #admit(peer: Peer): Promise<void> {
    await peer.accept();
    const { data } = await peer.receive("text");
    if (data !== `subscribe ${SYMBOLS.join(" ")}`)
      throw new Error("The client's first message is not its subscription.");
  }

  /**
   * Sends ticks and takes orders. Once there were ticks enough, it resolves with the next order, which nobody has answered: a client
   * that sends it has read what came before, so that none of that arrives together with a reset and hides it.
   */
  async #trade(peer: Peer): Promise<number> {
    // The market's clock starts with the first listener and then never stops.
    this.#clock ??= setInterval(() => this.#tick(), this.#tickInterval);
    let left = this.#ticksPerConnection;
    this.#audience = (tick) => {
      left -= 1;
      send(peer, tick);
    };
    try {
      for await (const frame of peer.frames()) {
        if (left > 0) {
          this.#take(peer, frame);
          continue;
        }
        const order = this.#note(frame);
        if (order !== undefined) return order;
      }
    } finally {
      this.#audience = undefined;
    }
    throw new Error("The client left before the server was to break.");
  }

  /** Takes an order and says so. */
  #take(peer: Peer, frame: Frame): void {
    const order = this.#note(frame);
    if (order !== undefined) send(peer, { type: "taken", order });
  }

  #note(frame: Frame): number | undefined {
    const digits = frame.type === "text" ? /^order (\d+)$/.exec(frame.data)?.[1] : undefined;
    if (digits === undefined) return undefined;
    this.#taken.push(Number(digits));
    return Number(digits);
  }

  #tick(): void {
    const number = ++this.#ticks;
    const symbol = SYMBOLS[number % SYMBOLS.length] as string;
    const before = this.#prices.get(symbol) as number;
    // A walk that is the same in every run.
    const price = Math.round(before * (1 + Math.sin(number * 12.9898) * 0.004) * 100) / 100;
    this.#prices.set(symbol, price);
    try {
      this.#audience?.({ type: "tick", number, symbol, price });
    } catch {
      // The client has left, which is told where its orders are read.
      this.#audience = undefined;
    }
  }
}

function send(peer: Peer, message: FeedMessage): void {
  peer.send(JSON.stringify(message));
}
