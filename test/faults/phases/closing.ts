/** Our close frame is out, and the peer hasn't answered it. */
import { accepting, echo, type Fault } from "../../../src/testing/index.ts";
import { type Cell, impossible, type Phase, recovers } from "../cell.ts";
import { OF_ANSWER, OF_LOOKUP, OF_PROVIDER, OF_TLS } from "../faults.ts";
import type { Stage } from "../stage.ts";

const ENDED = recovers("handleDisconnect - -");
const TIMED_OUT = `after 3000 → ${ENDED}`;
const violated = (how: string): string => recovers(`handleError decoding_failed/closing/${how}`);
/** The peer's answer comes after all, in such a way. */
const answered = (fault: Fault): Cell => ({ fault, act: answer, outcome: recovers("handleDisconnect 4000 bye") });

export const CLOSING: Phase = {
  name: "closing, by us",
  about: "our close frame (4000) is out, and the peer hasn't answered",
  setting: { script: [accepting(undefined, { automatic: false }), echo()] },
  reach: async (stage) => {
    stage.start();
    await stage.line(0);
    stage.connection.close(4000, "bye");
    await (await stage.peer(1)).receive("close");
  },
  before: "handleConnect 101",
  cells: {
    ...impossible(["refused"], "TCP stands"),
    reset: { fault: { type: "reset" }, outcome: ENDED },
    fin: { fault: { type: "end" }, outcome: ENDED },
    closeFrame: {
      fault: { type: "close", code: 1012, reason: "restart" },
      outcome: recovers("handleDisconnect 1012 restart"),
    },
    closeAndFin: [
      { fault: { type: "close", code: 1001, fin: true }, outcome: recovers('handleDisconnect 1001 ""') },
      { variant: "empty", fault: { type: "close", fin: true }, outcome: ENDED },
    ],
    deafClient: { fault: { type: "blackHole", direction: "toClient" }, act: answer, outcome: TIMED_OUT },
    deafServer: { fault: { type: "blackHole", direction: "toServer" }, outcome: TIMED_OUT },
    blackHole: { fault: { type: "blackHole" }, act: answer, outcome: TIMED_OUT },
    drip: answered({ type: "drip", bytes: 2, every: 1 }),
    latency: answered({ type: "latency", ms: 5, jitter: 5 }),
    bandwidth: answered({ type: "bandwidth", bytesPerSecond: 1000 }),
    ...impossible(OF_ANSWER, "the 101 is past"),
    garbage: { fault: { type: "garbage" }, outcome: violated("reserved_bits closeCode 1002") },
    glued: {
      fault: { type: "glue", messages: 2, ms: 1000, direction: "toClient" },
      act: async (stage) => {
        await stage.asPeer(1, (peer) => {
          peer.send("before");
          peer.send("too");
          peer.close(4000, "bye");
          peer.send("behind");
        });
      },
      outcome: recovers("handleIn before → handleIn too → handleDisconnect 4000 bye"),
    },
    split: answered({ type: "split" }),
    hugeHeader: {
      fault: { type: "inject", frame: { opcode: "binary", length: 2 ** 40, lengthEncoding: "64-bit" } },
      outcome: violated("message_too_long closeCode 1009"),
    },
    tooLong: {
      options: { maxMessageSize: 1000 },
      fault: { type: "inject", frame: { opcode: "binary", size: 1001 } },
      outcome: violated("message_too_long closeCode 1009"),
    },
    pingFlood: {
      fault: { type: "inject", frame: { opcode: "ping", size: 125 }, times: 10_000 },
      outcome: `handleControl ×10000 → stays closing → ${TIMED_OUT}`,
    },
    hang: { outcome: TIMED_OUT },
    ...impossible(OF_TLS, "the TLS handshake is done"),
    ...impossible(OF_PROVIDER, "they are asked for an attempt, and none is being made"),
    ...impossible(OF_LOOKUP, "the address is known"),
    stall: { act: ({ clock }) => clock.stall(60_000), outcome: ENDED },
    close: { act: ({ connection }) => connection.close(), outcome: `stays closing → ${TIMED_OUT}` },
    stop: {
      act: ({ connection }) => void connection.stop(),
      outcome: "stays closing → after 3000 → handleTerminate normal → exit normal",
    },
    reconnect: {
      act: ({ connection }) => connection.reconnect(),
      outcome: "handleDisconnect - - → at once → handleConnect 101 → echo",
    },
    replace: {
      act: (stage) => stage.replace(),
      outcome: `replace() rejects The connection is closing → stays closing → ${TIMED_OUT}`,
    },
    abort: {
      act: ({ controller }) => controller.abort(),
      outcome: "stays closing → after 3000 → handleTerminate shutdown → exit shutdown",
    },
  },
};

async function answer(stage: Stage): Promise<void> {
  await stage.asPeer(1, (peer) => peer.close(4000, "bye"));
}
