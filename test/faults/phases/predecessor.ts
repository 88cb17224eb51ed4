/** The new connection has taken over, and the one before is read to its end: our close frame is out, and the server hasn't answered. */
import { accepting, echo, type Fault } from "../../../src/testing/index.ts";
import { type Cell, impossible, type Phase } from "../cell.ts";
import { OF_ANSWER, OF_LOOKUP, OF_PROVIDER, OF_TLS } from "../faults.ts";
import type { Stage } from "../stage.ts";

const WORKS = "replace() resolves → echo";
const CUT_OFF = `after 3000 → ${WORKS}`;
/** It ends the one before, and nobody but the promise hears of it. */
const ends = (fault: Fault): Cell => ({ fault, outcome: WORKS });
/** The last message of the one before, and its end, come in such a way; then the new one is read. */
const late = (fault: Fault): Cell => ({ fault, act: last, outcome: `handleIn last → ${WORKS}` });
/** The new one is lost meanwhile: that is told behind the last of the one before. */
const onNew = (fault: Fault, how: string): Cell => ({
  variant: "on the new one",
  act: async (stage) => {
    await stage.fault(fault, 2);
    if (fault.type === "reset") await (await stage.proxied(2)).ended;
    await stage.settle();
    await last(stage);
  },
  outcome: `handleIn last → ${how} → waits 125 → replace() resolves → handleConnect 101 → echo`,
});

export const PREDECESSOR: Phase = {
  name: "replacing, the one before",
  about: "the new connection has taken over; the one before has our close frame, and is read to its end",
  setting: { script: [accepting(undefined, { automatic: false }), echo()] },
  reach: async (stage) => {
    stage.start();
    await stage.line(0);
    stage.replace();
    await stage.line(1);
    await (await stage.peer(1)).receive("close");
  },
  before: "handleConnect 101 → handleConnect 101",
  figures: { replacements: 1 },
  cells: {
    ...impossible(["refused"], "both connections stand"),
    reset: [ends({ type: "reset" }), onNew({ type: "reset" }, "handleError streaming_failed/open/reset")],
    fin: [ends({ type: "end" }), onNew({ type: "end" }, "handleError streaming_failed/open/ended")],
    closeFrame: ends({ type: "close", code: 1012, reason: "restart" }),
    closeAndFin: [
      ends({ type: "close", code: 1000, fin: true }),
      onNew({ type: "close", code: 1001, fin: true }, 'handleDisconnect 1001 ""'),
    ],
    deafClient: { fault: { type: "blackHole", direction: "toClient" }, act: last, outcome: CUT_OFF },
    deafServer: { fault: { type: "blackHole", direction: "toServer" }, outcome: CUT_OFF },
    blackHole: { fault: { type: "blackHole" }, outcome: CUT_OFF },
    drip: late({ type: "drip", bytes: 2, every: 1 }),
    latency: late({ type: "latency", ms: 5, jitter: 5 }),
    bandwidth: late({ type: "bandwidth", bytesPerSecond: 2000 }),
    ...impossible(OF_ANSWER, "both 101 are past"),
    garbage: ends({ type: "garbage" }),
    glued: late({ type: "glue", messages: 2, ms: 20 }),
    split: late({ type: "split" }),
    hugeHeader: ends({ type: "inject", frame: { opcode: "binary", length: 2 ** 40, lengthEncoding: "64-bit" } }),
    tooLong: {
      options: { maxMessageSize: 1000 },
      ...ends({ type: "inject", frame: { opcode: "binary", size: 1001 } }),
    },
    pingFlood: {
      fault: { type: "inject", frame: { opcode: "ping", size: 125 }, times: 10_000 },
      outcome: `handleControl ×10000 → stays open → ${CUT_OFF}`,
    },
    hang: { outcome: CUT_OFF },
    ...impossible(OF_TLS, "both TLS handshakes are done"),
    ...impossible(OF_PROVIDER, "they are asked for an attempt, and none is being made"),
    ...impossible(OF_LOOKUP, "the address is known"),
    stall: { act: ({ clock }) => clock.stall(60_000), outcome: WORKS },
    close: {
      act: async (stage) => {
        stage.connection.close(4000, "bye");
        await stage.settle();
        await last(stage);
      },
      outcome: "handleIn last → handleDisconnect 4000 bye → waits 125 → replace() resolves → handleConnect 101 → echo",
    },
    stop: {
      act: ({ connection }) => void connection.stop(),
      outcome: "stays closing → after 3000 → replace() resolves → handleTerminate normal → exit normal",
    },
    reconnect: {
      act: ({ connection }) => connection.reconnect(),
      outcome: "handleDisconnect - - → replace() resolves → at once → handleConnect 101 → echo",
    },
    replace: {
      act: async (stage) => {
        stage.replace();
        await last(stage);
      },
      outcome: "handleIn last → replace() resolves → replace() resolves → echo",
    },
    abort: {
      act: ({ controller }) => controller.abort(),
      outcome: "stays closing → after 3000 → replace() resolves → handleTerminate shutdown → exit shutdown",
    },
  },
};

/** The server says its last word on the one before, and answers our close frame. */
async function last(stage: Stage): Promise<void> {
  await stage.asPeer(1, (peer) => {
    peer.send("last");
    peer.close(1000);
  });
}
