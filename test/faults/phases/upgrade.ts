/** The request is out, and its answer is awaited; or a part of it has come. */
import { acceptKeyOf } from "../../../src/protocol/index.ts";
import type { Fault, FaultRule, FaultTrigger, Script } from "../../../src/testing/index.ts";
import { echo } from "../../../src/testing/index.ts";
import { type Cell, impossible, type Phase, recovers } from "../cell.ts";
import { OF_LOOKUP, OF_PROVIDER, OF_TLS } from "../faults.ts";
import type { Stage } from "../stage.ts";

/** Done to the first connection at this place. */
const at = (when: FaultTrigger, fault: Fault): readonly FaultRule[] => [{ connection: 1, when, fault }];
const REQUEST: FaultTrigger = { phase: "request" };
const ANSWER: FaultTrigger = { phase: "answer" };
const HALF: FaultTrigger = { phase: "answer", bytes: 40 };

const failed = (how: string): string => recovers(`handleError establishing_failed/upgrade/${how}`);
const timesOut = (rest: Partial<Cell>): Cell => ({ ...rest, outcome: `after 10000 → ${failed("timed_out")}` });

/** The server answers the first connection as late as the test has it, which is never. */
const silent: Script = async (peer) => {
  await peer.request();
};
/** Half a 101. */
const half: Script = async (peer) => {
  await peer.request();
  peer.sendRaw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n");
};

const wellAnswered = (rules: readonly FaultRule[]): Cell => ({
  script: echo(),
  rules,
  outcome: "handleConnect 101 → echo",
});

/** A 101 as it should be, but for this. */
const wrongAnswer =
  (replace: Readonly<Record<string, string>>): Script =>
  async (peer) => {
    await peer.accept({ replace });
  };

const reached = (stage: Stage) => {
  stage.start();
  return stage.proxied(1);
};

const acts = {
  close: { act: ({ connection }: Stage) => connection.close(), outcome: recovers("handleDisconnect - -") },
  stop: { act: ({ connection }: Stage) => void connection.stop(), outcome: "handleTerminate normal → exit normal" },
  reconnect: {
    act: ({ connection }: Stage) => connection.reconnect(),
    outcome: "handleDisconnect - - → at once → handleConnect 101 → echo",
  },
  replace: {
    act: (stage: Stage) => stage.replace(),
    outcome: `replace() rejects The connection is connecting → stays connecting → after 10000 → ${failed("timed_out")}`,
  },
  abort: { act: ({ controller }: Stage) => controller.abort(), outcome: "handleTerminate shutdown → exit shutdown" },
} as const;

const NO_FRAME = "no frame before the 101";
const BEHIND = "handleConnect 101 → ";

export const UPGRADE: Phase = {
  name: "upgrade",
  about: "the request is out, and nothing of its answer has come",
  setting: { script: [silent, echo()] },
  reach: async (stage) => {
    await (await reached(stage)).reached("request");
  },
  before: "",
  cells: {
    ...impossible(["refused"], "TCP stands"),
    reset: { script: echo(), rules: at(REQUEST, { type: "reset" }), outcome: failed("reset") },
    fin: { script: echo(), rules: at(REQUEST, { type: "end" }), outcome: failed("ended") },
    deafClient: timesOut({ script: echo(), rules: at(REQUEST, { type: "blackHole", direction: "toClient" }) }),
    deafServer: timesOut({ script: echo(), rules: at(REQUEST, { type: "blackHole", direction: "toServer" }) }),
    blackHole: timesOut({ script: echo(), rules: at(REQUEST, { type: "blackHole" }) }),
    drip: wellAnswered(at(REQUEST, { type: "drip", bytes: 8, every: 1 })),
    latency: wellAnswered(at(REQUEST, { type: "latency", ms: 5, jitter: 5 })),
    bandwidth: wellAnswered(at(REQUEST, { type: "bandwidth", bytesPerSecond: 20_000 })),
    split: wellAnswered(at(REQUEST, { type: "split" })),
    garbage: { script: echo(), rules: at(REQUEST, { type: "garbage" }), outcome: failed("malformed_response") },
    hang: timesOut({}),
    delayedAnswer: [
      {
        variant: "within upgradeTimeout",
        script: echo(),
        rules: at(ANSWER, { type: "stall", ms: 20, direction: "toClient" }),
        outcome: "handleConnect 101 → echo",
      },
      timesOut({
        variant: "past upgradeTimeout",
        script: echo(),
        rules: at(ANSWER, { type: "stall", direction: "toClient" }),
      }),
    ],
    truncatedAnswer: [
      { variant: "then FIN", script: echo(), rules: at(HALF, { type: "end" }), outcome: failed("ended") },
      { variant: "then RST", script: echo(), rules: at(HALF, { type: "reset" }), outcome: failed("reset") },
      timesOut({ variant: "then nothing", script: echo(), rules: at(HALF, { type: "blackHole" }) }),
    ],
    corruptAnswer: [
      {
        variant: "in the status line",
        script: echo(),
        rules: at(ANSWER, { type: "corrupt", bytes: 3 }),
        outcome: failed("malformed_response"),
      },
      {
        variant: "another key's",
        script: [wrongAnswer({ "sec-websocket-accept": "x" }), echo()],
        outcome: failed("accept 101"),
      },
      { variant: "no Upgrade", script: [wrongAnswer({ upgrade: "h2c" }), echo()], outcome: failed("upgrade 101") },
    ],
    unauthorised: {
      script: echo(),
      rules: at(REQUEST, { type: "refuse", status: 401 }),
      outcome: failed("status 401"),
    },
    tooMany: [
      {
        script: echo(),
        rules: at(REQUEST, { type: "refuse", status: 429, retryAfter: 8 }),
        outcome:
          "handleError establishing_failed/upgrade/status 429 retryAfter 8000 → waits 9000 → handleConnect 101 → echo",
      },
      {
        variant: "a year",
        script: echo(),
        rules: at(REQUEST, { type: "refuse", status: 429, retryAfter: 31_536_000 }),
        outcome:
          "handleError establishing_failed/upgrade/status 429 retryAfter 31536000000 → waits 337500 → handleConnect 101 → echo",
      },
    ],
    unavailable: {
      script: echo(),
      // A minute after what the fake clock has for the time.
      rules: at(REQUEST, { type: "refuse", status: 503, retryAfter: "Tue, 14 Nov 2023 22:14:20 GMT" }),
      outcome:
        "handleError establishing_failed/upgrade/status 503 retryAfter 60000 → waits 67500 → handleConnect 101 → echo",
    },
    closeFrame: {
      variant: "glued to the 101",
      script: [
        async (peer) => void (await peer.accept({ glue: [{ type: "close", code: 1012 }], automatic: false })),
        echo(),
      ],
      outcome: recovers('handleConnect 101 → handleDisconnect 1012 ""'),
    },
    closeAndFin: {
      variant: "glued to the 101",
      script: [
        async (peer) => {
          await peer.accept({ glue: [{ type: "close", code: 1012 }] });
          peer.end();
        },
        echo(),
      ],
      outcome: recovers('handleConnect 101 → handleDisconnect 1012 ""'),
    },
    glued: {
      variant: "to the 101",
      script: [async (peer) => void (await peer.accept({ glue: ["first", "second"] })), echo()],
      outcome: `${BEHIND}handleIn first → handleIn second → stays open`,
    },
    ...impossible(["hugeHeader", "tooLong", "pingFlood"], `${NO_FRAME}; behind it they are those of "open"`),
    ...impossible(OF_TLS, "the TLS handshake is done"),
    ...impossible(OF_PROVIDER, "the providers have answered"),
    ...impossible(OF_LOOKUP, "the address is known"),
    stall: { act: ({ clock }) => clock.stall(60_000), outcome: failed("timed_out") },
    ...acts,
  },
};

export const ANSWERING: Phase = {
  name: "answer",
  about: "half of the 101 has come",
  setting: { script: [half, echo()] },
  reach: async (stage) => {
    await (await reached(stage)).reached("answer");
    await stage.settle();
  },
  before: "",
  cells: {
    ...impossible(["refused"], "TCP stands"),
    reset: { fault: { type: "reset" }, outcome: failed("reset") },
    fin: { fault: { type: "end" }, outcome: failed("ended") },
    deafClient: timesOut({ fault: { type: "blackHole", direction: "toClient" }, act: finish }),
    deafServer: {
      fault: { type: "blackHole", direction: "toServer" },
      act: finish,
      outcome: recovers("handleConnect 101 → after 25000 → handleError streaming_failed/open/pong_timeout"),
    },
    blackHole: timesOut({ fault: { type: "blackHole" }, act: finish }),
    drip: wellAnswered(at(ANSWER, { type: "drip", bytes: 8, every: 1 })),
    latency: wellAnswered(at(ANSWER, { type: "latency", ms: 5, jitter: 5 })),
    bandwidth: wellAnswered(at(ANSWER, { type: "bandwidth", bytesPerSecond: 20_000 })),
    split: wellAnswered(at(ANSWER, { type: "split" })),
    garbage: { fault: { type: "garbage" }, outcome: failed("malformed_response") },
    hang: timesOut({}),
    ...impossible(["delayedAnswer", "truncatedAnswer"], 'it is the phase itself: the rows of "upgrade" end here'),
    corruptAnswer: {
      fault: { type: "corrupt", bytes: 4 },
      act: finish,
      outcome: failed("malformed_response"),
    },
    ...impossible(["unauthorised", "tooMany", "unavailable"], "the status line has come"),
    ...impossible(["closeFrame", "closeAndFin", "glued", "hugeHeader", "tooLong", "pingFlood"], NO_FRAME),
    ...impossible(OF_TLS, "the TLS handshake is done"),
    ...impossible(OF_PROVIDER, "the providers have answered"),
    ...impossible(OF_LOOKUP, "the address is known"),
    stall: { act: ({ clock }) => clock.stall(60_000), outcome: failed("timed_out") },
    ...acts,
  },
};

/** The server sends the other half: a right answer. */
async function finish(stage: Stage): Promise<void> {
  const peer = await stage.peer(1);
  const { header } = await peer.request();
  const key = header("sec-websocket-key") ?? "";
  await stage.asPeer(1, () => peer.sendRaw(`Connection: Upgrade\r\nSec-WebSocket-Accept: ${acceptKeyOf(key)}\r\n\r\n`));
}
