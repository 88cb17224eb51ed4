/** A replacement is on its way: the live connection works, and the new one has asked and has no answer. */
import {
  echo,
  type Fault,
  type FaultRule,
  type FaultTrigger,
  type Peer,
  type Script,
} from "../../../src/testing/index.ts";
import { type Cell, impossible, type Phase } from "../cell.ts";
import { OF_LOOKUP, OF_TLS } from "../faults.ts";
import type { Stage } from "../stage.ts";

/** Those that may answer. */
const gates = new WeakMap<Peer, Gate>();
type Gate = { readonly promise: Promise<"answers">; readonly open: () => void };

function gateOf(peer: Peer): Gate {
  const known = gates.get(peer);
  if (known !== undefined) return known;
  let open = (): void => undefined;
  const promise = new Promise<"answers">((resolve) => {
    open = () => resolve("answers");
  });
  const gate = { promise, open };
  gates.set(peer, gate);
  return gate;
}

/** Answers as soon as it may. */
const late: Script = async (peer, attempt) => {
  if ((await Promise.race([gateOf(peer).promise, peer.ended])) === "answers") await echo()(peer, attempt);
};

/** Done to the new connection. */
const at = (when: FaultTrigger, fault: Fault): readonly FaultRule[] => [{ connection: 2, when, fault }];
const REQUEST: FaultTrigger = { phase: "request" };
const ANSWER: FaultTrigger = { phase: "answer" };

const LIVES_ON = "stays open → echo";
/** The new one fails: the promise says so, and nothing has changed. */
const fails = (how: string): Pick<Cell, "outcome" | "unheard"> => ({
  unheard: 1,
  outcome: `replace() rejects establishing_failed/upgrade/${how} → ${LIVES_ON}`,
});
const timesOut: Pick<Cell, "outcome" | "unheard"> = {
  ...fails("timed_out"),
  outcome: `after 10000 → ${fails("timed_out").outcome}`,
};
const takesOver = (rest: Partial<Cell>): Cell => ({
  ...rest,
  script: echo(),
  replacements: 1,
  outcome: "handleConnect 101 → replace() resolves → echo",
});
/** The live one is lost: the new one is the next attempt, without a wait. */
const onLive = (fault: Fault, how: string): Cell => ({
  variant: "on the live one",
  act: async (stage) => {
    await stage.fault(fault, 1);
    await stage.line(1);
    await answer(stage);
  },
  outcome: `${how} → at once → handleConnect 101 → replace() resolves → echo`,
});

export const SUCCESSOR: Phase = {
  name: "replacing, the new one",
  about: "replace() was called: the connection is open, and the new one has asked and has no answer",
  setting: { script: [echo(), late, echo()] },
  reach: async (stage) => {
    stage.start();
    await stage.line(0);
    stage.replace();
    await (await stage.proxied(2)).reached("request");
  },
  before: "handleConnect 101",
  connection: 2,
  cells: {
    refused: {
      variant: "the new one",
      script: echo(),
      act: async (stage) => {
        await stage.line(1);
        await stage.line(2);
        await stage.proxy.down();
        stage.replace();
      },
      replacements: 1,
      unheard: 1,
      outcome: `handleConnect 101 → replace() resolves → replace() rejects connecting_failed/tcp/refused → ${LIVES_ON}`,
    },
    reset: [
      { rules: at(REQUEST, { type: "reset" }), ...fails("reset") },
      onLive({ type: "reset" }, "handleError streaming_failed/open/reset"),
    ],
    fin: [
      { rules: at(REQUEST, { type: "end" }), ...fails("ended") },
      onLive({ type: "end" }, "handleError streaming_failed/open/ended"),
    ],
    closeFrame: onLive({ type: "close", code: 1012, reason: "restart" }, "handleDisconnect 1012 restart"),
    closeAndFin: onLive({ type: "close", code: 1001, fin: true }, 'handleDisconnect 1001 ""'),
    deafClient: { fault: { type: "blackHole", direction: "toClient" }, act: answer, ...timesOut },
    deafServer: { rules: at(REQUEST, { type: "blackHole", direction: "toServer" }), ...timesOut },
    blackHole: [
      { fault: { type: "blackHole" }, ...timesOut },
      {
        variant: "on both connections",
        fault: { type: "blackHole" },
        act: (stage) => stage.fault({ type: "blackHole" }, 1),
        unheard: 1,
        outcome:
          "after 10000 → replace() rejects establishing_failed/upgrade/timed_out → stays open → after 15000 → handleError streaming_failed/open/pong_timeout → waits 125 → handleConnect 101 → echo",
      },
    ],
    drip: takesOver({ rules: at(REQUEST, { type: "drip", bytes: 8, every: 1 }) }),
    latency: takesOver({ rules: at(REQUEST, { type: "latency", ms: 5, jitter: 5 }) }),
    bandwidth: takesOver({ rules: at(REQUEST, { type: "bandwidth", bytesPerSecond: 20_000 }) }),
    delayedAnswer: [
      takesOver({
        variant: "within upgradeTimeout",
        rules: at(ANSWER, { type: "stall", ms: 20, direction: "toClient" }),
      }),
      { variant: "past upgradeTimeout", ...timesOut },
    ],
    truncatedAnswer: { script: echo(), rules: at({ phase: "answer", bytes: 40 }, { type: "end" }), ...fails("ended") },
    corruptAnswer: { script: echo(), rules: at(ANSWER, { type: "corrupt", bytes: 3 }), ...fails("malformed_response") },
    garbage: [
      { fault: { type: "garbage" }, ...fails("malformed_response") },
      onLive({ type: "garbage" }, "handleError decoding_failed/open/reserved_bits closeCode 1002"),
    ],
    glued: {
      variant: "to the new one's 101",
      script: [echo(), async (peer) => void (await peer.accept({ glue: ["first", "second"] }))],
      replacements: 1,
      outcome: "handleConnect 101 → handleIn first → handleIn second → replace() resolves → stays open",
    },
    split: takesOver({ rules: at(REQUEST, { type: "split" }) }),
    unauthorised: { rules: at(REQUEST, { type: "refuse", status: 401 }), ...fails("status 401") },
    tooMany: {
      rules: at(REQUEST, { type: "refuse", status: 429, retryAfter: 8 }),
      ...fails("status 429 retryAfter 8000"),
    },
    unavailable: {
      rules: at(REQUEST, { type: "refuse", status: 503, retryAfter: "Tue, 14 Nov 2023 22:14:20 GMT" }),
      ...fails("status 503 retryAfter 60000"),
    },
    hugeHeader: onLive(
      { type: "inject", frame: { opcode: "binary", length: 2 ** 40, lengthEncoding: "64-bit" } },
      "handleError decoding_failed/open/message_too_long closeCode 1009",
    ),
    tooLong: {
      options: { maxMessageSize: 1000 },
      ...onLive(
        { type: "inject", frame: { opcode: "binary", size: 1001 } },
        "handleError decoding_failed/open/message_too_long closeCode 1009",
      ),
    },
    pingFlood: {
      variant: "on the live one",
      act: async (stage) => {
        await stage.fault({ type: "inject", frame: { opcode: "ping", size: 125 }, times: 10_000 }, 1);
        await answer(stage);
      },
      replacements: 1,
      outcome: "handleConnect 101 → replace() resolves → handleControl ×10000 → echo",
    },
    hang: { ...timesOut },
    ...impossible(OF_TLS, 'as in "TLS": the promise rejects as for any failed attempt'),
    providerThrows: providers(() => {
      throw new Error("no token");
    }, "replace() rejects connecting_failed/provider/provider"),
    providerRejects: providers(
      () => Promise.reject(new Error("no token")),
      "replace() rejects connecting_failed/provider/provider",
    ),
    providerHangs: providers(
      () => new Promise(() => undefined),
      "after 10000 → replace() rejects connecting_failed/provider/timed_out",
    ),
    providerRubbish: providers(() => "nowhere", "replace() rejects connecting_failed/provider/invalid_uri"),
    ...impossible(OF_LOOKUP, 'as in "resolve": the promise rejects as for any failed attempt'),
    stall: { act: ({ clock }) => clock.stall(60_000), ...fails("timed_out") },
    close: {
      act: async (stage) => {
        stage.connection.close(4000, "bye");
        await stage.settle();
      },
      unheard: 1,
      outcome:
        "replace() rejects The connection was left before its replacement was in place → handleDisconnect 4000 bye → waits 125 → handleConnect 101 → echo",
    },
    stop: {
      act: ({ connection }) => void connection.stop(),
      unheard: 1,
      outcome:
        "replace() rejects The connection was left before its replacement was in place → handleTerminate normal → exit normal",
    },
    reconnect: {
      act: async (stage) => {
        stage.connection.reconnect();
        await answer(stage);
      },
      outcome: "handleDisconnect - - → at once → handleConnect 101 → replace() resolves → echo",
    },
    replace: {
      act: async (stage) => {
        stage.replace();
        await answer(stage);
      },
      replacements: 1,
      outcome: "handleConnect 101 → replace() resolves → replace() resolves → echo",
    },
    abort: {
      act: ({ controller }) => controller.abort(),
      unheard: 1,
      outcome:
        "replace() rejects The connection was left before its replacement was in place → handleTerminate shutdown → exit shutdown",
    },
  },
};

/** The server answers the new connection. */
async function answer(stage: Stage): Promise<void> {
  await stage.asPeer(2, (peer) => gateOf(peer).open());
}

/** The new connection's provider does this; the one before and those behind it have the address. */
function providers(second: () => string | Promise<string>, how: string): Cell {
  return {
    uri: (stage) => {
      let asked = 0;
      return () => {
        asked += 1;
        return asked === 2 ? second() : stage.proxy.url;
      };
    },
    reach: async (stage) => {
      stage.start();
      await stage.line(0);
      stage.replace();
      await Promise.resolve();
    },
    unheard: 1,
    outcome: `${how} → ${LIVES_ON}`,
  };
}
