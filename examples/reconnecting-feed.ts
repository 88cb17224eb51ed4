/**
 * A feed of prices that survives its server: it subscribes anew on each connection and goes on where it was.
 *
 * - `headers` is a function. It is asked for each attempt, so a token that has run out is never sent twice.
 * - handleConnect subscribes, with the number of the last price that came.
 * - handleDisconnect and handleError keep the state: reconnect(state). A bare reconnect() would start over from the initial one.
 *
 * The server here drops the first connection without a word, refuses the second attempt, and serves the third to the end.
 *
 * Prints:
 *     attempt 1 with token-1
 *     price 1 is 100
 *     price 2 is 101
 *     lost: streaming_failed (ended)
 *     attempt 1 with token-2
 *     refused with status 401: renewing the token
 *     attempt 2 with token-3
 *     price 3 is 102
 *     price 4 is 103
 *     the market has closed
 *     exited: normal
 */
import { Fresh, ok, reconnect, reply, stop } from "everfresh";
import { type Peer, refusing, TestServer } from "everfresh/testing";

type Feed = { readonly lastPrice: number };

const PriceFeed = Fresh.define<Feed>("PriceFeed", {
  handleConnect: (_status, _headers, feed) => reply(`subscribe after ${feed.lastPrice}`, feed),

  handleIn(frame, feed) {
    if (frame.type !== "text") return ok(feed);
    const { number, price } = JSON.parse(frame.data) as { number: number; price: number };
    console.log(`price ${number} is ${price}`);
    return ok({ lastPrice: number });
  },

  handleDisconnect(code, _reason, feed) {
    if (code !== 4000) return reconnect(feed);
    console.log("the market has closed");
    return stop();
  },

  handleError(error, feed) {
    if (error.status === 401) console.log("refused with status 401: renewing the token");
    else console.log(`lost: ${error.kind} (${error.reason})`);
    return reconnect(feed);
  },
});

/** Sends two prices after the one that the client names. */
async function sendPrices(peer: Peer): Promise<void> {
  await peer.accept();
  const { data } = await peer.receive("text");
  const last = Number(data.replace("subscribe after ", ""));
  for (const number of [last + 1, last + 2]) peer.send(JSON.stringify({ number, price: 99 + number }));
}

const server = await TestServer.start({
  script: [
    async (peer) => {
      await sendPrices(peer);
      peer.end(); // TCP ends with no close frame, as when a process is killed
    },
    refusing(401),
    async (peer) => {
      await sendPrices(peer);
      peer.close(4000, "closed for today");
    },
  ],
});

let tokens = 0;
const feed = PriceFeed.start({
  uri: server.url,
  state: { lastPrice: 0 },
  options: {
    headers: async ({ attempt }) => {
      tokens += 1; // here you would ask your token service, with the signal that comes beside the attempt's number
      console.log(`attempt ${attempt} with token-${tokens}`);
      return { authorization: `Bearer token-${tokens}` };
    },
    backoffInitial: 20,
    stableAfter: 0, // each connection counts as stable at once, so attempts are counted from 1 after each
    infoLogging: false,
    errorLogging: false,
  },
});
console.log(`exited: ${await feed.exited}`);
await server.stop();
