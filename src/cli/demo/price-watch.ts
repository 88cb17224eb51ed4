/**
 * The demo's client: a module of callbacks that stays subscribed to the feed, counts what comes, and notes what doesn't.
 *
 * Nothing in it opens, retries or times anything: that is everfresh's part. Its own part is to say what to do next.
 */
import {
  close,
  Fresh,
  type FreshModule,
  type GenericResponse,
  ignore,
  ok,
  reconnect,
  reply,
  stop,
  text,
} from "../../index.ts";
import { type FeedMessage, SYMBOLS } from "./feed.ts";
import type { Orders } from "./orders.ts";
import type { Story } from "./story.ts";

/** The module's state; each attempt goes on with the one before. */
export type Watch = {
  /** The number of the newest tick. */
  readonly newest: number;
  readonly received: number;
  /** Numbers passed over at the first tick of a connection, and anywhere else. */
  readonly missed: number;
  readonly unexplained: number;
  readonly gaps: number;
  /** Has a tick come since the connection opened? */
  readonly warm: boolean;
  /** Is the last tick in? */
  readonly bell: boolean;
};

export const WATCH: Watch = {
  newest: 0,
  received: 0,
  missed: 0,
  unexplained: 0,
  gaps: 0,
  warm: false,
  bell: false,
};

export type Observers = {
  readonly story: Pick<Story, "opened" | "saw" | "missed">;
  readonly orders: Pick<Orders, "opened" | "broken" | "acknowledged" | "stop" | "count">;
  readonly onTick: (symbol: string, price: number) => void;
  readonly onEnd: (watch: Watch) => void;
};

export function priceWatch({ story, orders, onTick, onEnd }: Observers): FreshModule<Watch> {
  const goOn = (watch: Watch): GenericResponse<Watch> =>
    watch.bell && orders.count.pending === 0 ? close(1000, "good night", watch) : ok(watch);

  return Fresh.define<Watch>("PriceWatch", {
    handleConnect(_status, _headers, watch) {
      story.opened();
      orders.opened();
      return reply(text(`subscribe ${SYMBOLS.join(" ")}`), { ...watch, warm: false });
    },

    handleIn(frame, watch) {
      if (frame.type !== "text") return ok(watch);
      const message = JSON.parse(frame.data) as FeedMessage;
      switch (message.type) {
        case "tick": {
          onTick(message.symbol, message.price);
          const skipped = message.number - watch.newest - 1;
          if (!watch.warm && watch.received > 0) story.missed(skipped);
          return ok(counted(watch, message.number, skipped));
        }
        case "taken":
          orders.acknowledged(message.order);
          return goOn(watch);
        case "bell":
          orders.stop();
          return goOn({ ...watch, bell: true });
      }
    },

    handleDisconnect(code, reason, watch) {
      if (watch.bell) return stop();
      story.saw(`closed: ${[code, reason].filter(Boolean).join(" ")}`);
      orders.broken();
      return reconnect(watch);
    },

    handleError(error, watch) {
      // Not an end: frames that were handed over are lost with the connection, whose own error follows.
      if (error.kind === "casting_failed") return ignore(watch);
      story.saw(`${error.kind}: ${error.reason}${error.status === undefined ? "" : ` ${error.status}`}`);
      orders.broken();
      return reconnect(watch);
    },

    handleTerminate(_reason, watch) {
      onEnd(watch);
    },
  });
}

/** `skipped` is how many numbers the tick has passed over; a number that doesn't grow is counted as unexplained. */
function counted(watch: Watch, number: number, skipped: number): Watch {
  const inOrder = skipped >= 0;
  const outage = inOrder && !watch.warm ? skipped : 0;
  return {
    ...watch,
    newest: Math.max(number, watch.newest),
    received: watch.received + 1,
    missed: watch.missed + outage,
    gaps: watch.gaps + (outage > 0 ? 1 : 0),
    unexplained: watch.unexplained + Math.abs(skipped) - outage,
    warm: true,
  };
}
