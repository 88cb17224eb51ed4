/**
 * The thirty complaints that users of twelve WebSocket clients make most, and what everfresh does about each. docs/resilience.md is
 * written from this; for each there is a test in this folder whose name begins with "pain" and its number.
 */

export type Pain = {
  readonly number: number;
  /** The complaint. */
  readonly pain: string;
  /** Threads in which it is made. */
  readonly threads: readonly string[];
  /** What everfresh does. */
  readonly does: string;
};

export const PAINS: readonly Pain[] = [
  {
    number: 1,
    pain: "Half-open socket: it says open, and nothing comes any more",
    threads: ["websockets/ws#2225", "phoenixframework/phoenix#2123"],
    does: "A ping every `pingInterval`, and `streaming_failed` when not a byte has come `pongTimeout` after it left.",
  },
  {
    number: 2,
    pain: "close() on a dead link hangs",
    threads: ["websockets/ws#1948", "python-websockets/websockets#1527"],
    does: "A link that was found dead is torn down at once, without a closing handshake; a close that nobody answers ends after `closeTimeout`, a stop after its own `timeout`.",
  },
  {
    number: 3,
    pain: "No deadline by default: connecting for ever",
    threads: ["websockets/ws#1948", "theturtle32/WebSocket-Node#102"],
    does: "Providers, connecting, upgrading and closing have deadlines of 10, 10, 10 and 3 seconds, in every attempt.",
  },
  {
    number: 4,
    pain: "A blocked event loop kills healthy links",
    threads: ["get-bb/bb#2718", "openclaw/openclaw#105698"],
    does: "After a stall, or a machine's sleep, what has arrived is read first, and one fresh ping gets its whole time.",
  },
  {
    number: 5,
    pain: "The pong stands behind bulk data",
    threads: ["sockjs/sockjs-node#169", "python-websockets/websockets#1012"],
    does: "Any byte counts, the time begins when the ping has left the buffer, and bulk data of our own that the peer takes keeps the link alive.",
  },
  {
    number: 6,
    pain: "Interval and deadline are one option",
    threads: ["lysine-dev/okhttp#6690", "phoenixframework/phoenix#5984"],
    does: "`pingInterval` and `pongTimeout` are two, and `probe()` asks now.",
  },
  {
    number: 7,
    pain: "Everybody reconnects in the same instant",
    threads: ["phoenixframework/phoenix#4045", "phoenixframework/phoenix#5942"],
    does: "Full jitter, the first reconnect included; see how attempts spread, above.",
  },
  {
    number: 8,
    pain: "An open resets the backoff too early",
    threads: ["destinygg/chat-gui#872", "pladaria/reconnecting-websocket#83"],
    does: "The backoff starts over only after `stableAfter` (10 s) open.",
  },
  {
    number: 9,
    pain: "Refusals are retried like network faults",
    threads: ["cloudflare/partykit#409", "JKorf/CryptoExchange.Net#213"],
    does: "handleError has the status, headers and body of a refusal and says what follows; Retry-After sets the wait; `refreshable()` refreshes once at 401 and 4401, then stops.",
  },
  {
    number: 10,
    pain: "Somebody else's idea of what is fatal",
    threads: ["enisdenjo/graphql-ws#558", "python-websockets/websockets#1480"],
    does: "No code and no status is fatal by itself: handleDisconnect and handleError decide, by default to reconnect.",
  },
  {
    number: 11,
    pain: "A slow consumer fills the memory",
    threads: ["nodejs/undici#5503", "websockets/ws#593"],
    does: "While a callback is pending at most `inbox` is read ahead; past it reading pauses, and TCP pushes back.",
  },
  {
    number: 12,
    pain: "send() has no brake",
    threads: ["lysine-dev/okhttp#3317", "websockets/ws#1830"],
    does: 'Past `sendBuffer` frames wait in the bounded outbox ("queued"), past that they are "dropped"; `bufferedAmount` and `drain()` tell when to go on.',
  },
  {
    number: 13,
    pain: "bufferedAmount lies",
    threads: ["oven-sh/bun#31760", "websockets/ws#1830"],
    does: "One ledger of bytes, from send to the system, outbox included; 0 after the end.",
  },
  {
    number: 14,
    pain: "The offline queue is unbounded, or silent",
    threads: ["share/sharedb#608", "pladaria/reconnecting-websocket#93"],
    does: "Bounded by count, bytes and age; each frame that leaves it unsent is counted and told to `onDrop` with the cause.",
  },
  {
    number: 15,
    pain: "A message that has timed out goes out later all the same",
    threads: ["socketio/socket.io#4318", "socketio/socket.io-client-java#519"],
    does: "An entry that expires leaves the queue, `ttl` for one frame included; what handleConnect sends comes before the queue.",
  },
  {
    number: 16,
    pain: "Requests in flight hang at a disconnect",
    threads: ["oasislabs/oasis.js#227", "cloudflare/partykit#403"],
    does: '`everfresh/rpc`: a call rejects with ConnectionLostError, `sent` "yes", "no" or "unknown"; only what is marked idempotent is sent again.',
  },
  {
    number: 17,
    pain: "A stale token at each reconnect",
    threads: ["tinyhumansai/openhuman#2892", "dsrees/JavaPhoenixClient#82"],
    does: "`uri` and `headers` may be functions, asked anew for each attempt; `refreshable()` shares one credential among many connections, and stops when it gets the same one again.",
  },
  {
    number: 18,
    pain: "Credentials can't be changed on a live link",
    threads: ["enisdenjo/graphql-ws#105", "enisdenjo/graphql-ws#482"],
    does: "`replace()`: the new connection asks the providers anew, handleConnect authenticates and subscribes on it, then the old one is closed.",
  },
  {
    number: 19,
    pain: "Planned cut-offs lose messages",
    threads: ["pladaria/reconnecting-websocket#137", "binance-exchange/binance-java-api#47"],
    does: "`replaceAfter` replaces a connection before the server cuts it, with nothing lost, doubled or out of order.",
  },
  {
    number: 20,
    pain: "Gaps after a reconnect are invisible",
    threads: ["Polymarket/ts-sdk#285", "trpc/trpc#4122"],
    does: "`everfresh/rpc`: a subscription is told of each gap, since when and how long, and its parameters are computed anew.",
  },
  {
    number: 21,
    pain: "Zombie and duplicate sockets",
    threads: ["pladaria/reconnecting-websocket#50", "cloudflare/partykit#210"],
    does: "Each attempt has a number of its own; what an attempt that is over says is void, and a late success is closed.",
  },
  {
    number: 22,
    pain: "Locks left behind: reconnect() does nothing",
    threads: ["pladaria/reconnecting-websocket#87", "enisdenjo/graphql-ws#163"],
    does: "The lifecycle is a pure function whose every state and event is explored by the tests.",
  },
  {
    number: 23,
    pain: "Closing while connecting crashes the process",
    threads: ["partykit/partykit#912", "pladaria/reconnecting-websocket#183"],
    does: "There is no event that throws when nobody listens; abandoning an attempt is an ordinary end.",
  },
  {
    number: 24,
    pain: "Failure without a reason",
    threads: ["nodejs/undici#4625", "websockets/ws#1574"],
    does: "FreshError: kind, phase, reason, a sentence, cause; of a refusal its status, headers and the first 64 KiB of its body.",
  },
  {
    number: 25,
    pain: "The close event is missing",
    threads: ["nodejs/undici#3546", "denoland/deno#25126"],
    does: "Each attempt ends with exactly one of handleDisconnect and handleError.",
  },
  {
    number: 26,
    pain: "The first message is lost",
    threads: ["websockets/ws#2262", "whatwg/html#1271"],
    does: "The callbacks are there before the connection is; bytes behind the 101 are delivered after handleConnect.",
  },
  {
    number: 27,
    pain: "Compression costs gigabytes",
    threads: ["websockets/ws#1202", "nodejs/node#8871"],
    does: "Off unless asked for; contexts are made when they are needed, shared where none is kept, and given back after `hibernateAfter`; inflating stops at `maxMessageSize`.",
  },
  {
    number: 28,
    pain: "An option is ignored without a word",
    threads: ["oven-sh/bun#29684", "denoland/deno#15430"],
    does: "Every option is checked at start. One that is unknown, wrong, or can't be honoured is an error that says so.",
  },
  {
    number: 29,
    pain: "Idle proxies cut connections off",
    threads: ["phoenixframework/phoenix#4309", "denoland/deno#23985"],
    does: "Pings go out at the interval whatever else is sent, 30 s by default, below the usual 60 s of proxies; each link's first one at a time of its own.",
  },
  {
    number: 30,
    pain: "Reconnecting can't be tested",
    threads: ["romgain/jest-websocket-mock#168", "romgain/jest-websocket-mock#47"],
    does: "[`everfresh/testing`](testing.md): a scripted server, a fault proxy, faults from a seed, a fake clock, and the history of callbacks to assert on.",
  },
];
