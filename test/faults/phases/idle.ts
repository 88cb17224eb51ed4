/** The connection is open, and nothing is on its way. */
import { accepting, echo } from "../../../src/testing/index.ts";
import { type Cell, impossible, type Phase, recovers } from "../cell.ts";
import { OF_ANSWER, OF_LOOKUP, OF_PROVIDER, OF_TLS } from "../faults.ts";

const lost = (reason: string): string => recovers(`handleError streaming_failed/open/${reason}`);
const DEAD = `after 25000 → ${lost("pong_timeout")}`;
const WORKS = "echo → echo";

/** The same before a server that isn't ours. */
const withWs = (cell: Cell): readonly Cell[] => [cell, { ...cell, variant: "before `ws`", server: "ws" }];

export const IDLE: Phase = {
  name: "open, idle",
  about: "the connection is open, and nothing is on its way",
  reach: async (stage) => {
    stage.start();
    await stage.line(0);
    await (await stage.proxied(1)).reached("open");
  },
  before: "handleConnect 101",
  cells: {
    ...impossible(["refused"], "TCP stands"),
    reset: withWs({ fault: { type: "reset" }, outcome: lost("reset") }),
    fin: withWs({ fault: { type: "end" }, outcome: lost("ended") }),
    closeFrame: withWs({
      fault: { type: "close", code: 1012, reason: "restart" },
      outcome: recovers("handleDisconnect 1012 restart"),
    }),
    closeAndFin: [
      { fault: { type: "close", code: 1001, fin: true }, outcome: recovers('handleDisconnect 1001 ""') },
      { variant: "empty", fault: { type: "close", fin: true }, outcome: recovers("handleDisconnect - -") },
    ],
    deafClient: { fault: { type: "blackHole", direction: "toClient" }, outcome: DEAD },
    deafServer: { fault: { type: "blackHole", direction: "toServer" }, outcome: DEAD },
    blackHole: withWs({ fault: { type: "blackHole" }, outcome: DEAD }),
    drip: withWs({ fault: { type: "drip", bytes: 2, every: 1 }, outcome: WORKS }),
    latency: { fault: { type: "latency", ms: 5, jitter: 5 }, outcome: WORKS },
    bandwidth: { fault: { type: "bandwidth", bytesPerSecond: 5000 }, outcome: WORKS },
    ...impossible(OF_ANSWER, "the 101 is past"),
    garbage: {
      fault: { type: "garbage" },
      outcome: recovers("handleError decoding_failed/open/reserved_bits closeCode 1002"),
    },
    glued: {
      fault: { type: "glue", messages: 3, ms: 1000, direction: "toClient" },
      act: ({ connection }) => {
        for (const text of ["a", "b", "c"]) connection.send(text);
      },
      outcome: "handleIn a → handleIn b → handleIn c → stays open",
    },
    split: withWs({ fault: { type: "split" }, outcome: WORKS }),
    hugeHeader: {
      fault: { type: "inject", frame: { opcode: "binary", length: 2 ** 40, lengthEncoding: "64-bit" } },
      outcome: recovers("handleError decoding_failed/open/message_too_long closeCode 1009"),
    },
    tooLong: {
      options: { maxMessageSize: 1000 },
      fault: { type: "inject", frame: { opcode: "binary", size: 1001 } },
      outcome: recovers("handleError decoding_failed/open/message_too_long closeCode 1009"),
    },
    pingFlood: withWs({
      fault: { type: "inject", frame: { opcode: "ping", size: 125 }, times: 10_000 },
      outcome: "handleControl ×10000 → echo",
    }),
    hang: { script: [accepting(undefined, { automatic: false }), echo()], outcome: DEAD },
    ...impossible(OF_TLS, "the TLS handshake is done"),
    ...impossible(OF_PROVIDER, "they are asked for an attempt, and none is being made"),
    ...impossible(OF_LOOKUP, "the address is known"),
    stall: [
      { act: ({ clock }) => clock.stall(60_000), outcome: WORKS },
      {
        variant: "and the link is dead too",
        fault: { type: "blackHole" },
        act: ({ clock }) => clock.stall(60_000),
        outcome: `stays open → after 10000 → ${lost("pong_timeout")}`,
      },
    ],
    close: withWs({
      act: ({ connection }) => connection.close(4000, "bye"),
      outcome: recovers("handleDisconnect 4000 bye"),
    }),
    stop: withWs({ act: ({ connection }) => void connection.stop(), outcome: "handleTerminate normal → exit normal" }),
    reconnect: withWs({
      act: ({ connection }) => connection.reconnect(),
      outcome: "handleDisconnect - - → at once → handleConnect 101 → echo",
    }),
    replace: withWs({
      act: (stage) => stage.replace(),
      replacements: 1,
      outcome: "handleConnect 101 → replace() resolves → echo",
    }),
    abort: { act: ({ controller }) => controller.abort(), outcome: "handleTerminate shutdown → exit shutdown" },
  },
};
