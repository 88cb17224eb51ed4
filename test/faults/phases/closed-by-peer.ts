/** Half of the peer's close frame has come. */
import { accepting, closePayload, echo, type Fault, rawFrame } from "../../../src/testing/index.ts";
import { type Cell, impossible, type Phase, recovers } from "../cell.ts";
import { OF_ANSWER, OF_LOOKUP, OF_PROVIDER, OF_TLS } from "../faults.ts";
import type { Stage } from "../stage.ts";

const CLOSE = rawFrame({ opcode: "close", payload: closePayload(1012, "restart") });
/** The header, and the first byte of the code. */
const HALF = 3;

const CLOSED = recovers("handleDisconnect 1012 restart");
const lost = (reason: string): string => recovers(`handleError streaming_failed/open/${reason}`);
const DEAD = `after 25000 → ${lost("pong_timeout")}`;
/** The other half comes, in such a way. */
const comes = (fault: Fault): Cell => ({ fault, act: finish, outcome: CLOSED });

export const CLOSED_BY_PEER: Phase = {
  name: "closing, by the peer",
  about: "half of the peer's close frame (1012) has come",
  setting: { script: [accepting((peer) => peer.sendRaw(CLOSE.subarray(0, HALF)), { automatic: false }), echo()] },
  reach: async (stage) => {
    stage.start();
    await stage.line(0);
    await stage.until(() => stage.connection.stats.bytesReceived === HALF, "half a close frame");
  },
  before: "handleConnect 101",
  cells: {
    ...impossible(["refused"], "TCP stands"),
    reset: [
      { variant: "inside the close frame", fault: { type: "reset" }, outcome: lost("reset") },
      {
        variant: "behind it",
        act: async (stage) => {
          await finish(stage);
          await stage.line(1);
          await stage.fault({ type: "reset" });
        },
        outcome: CLOSED,
      },
    ],
    fin: [
      { variant: "inside the close frame", fault: { type: "end" }, outcome: lost("ended") },
      {
        variant: "behind it",
        act: async (stage) => {
          await finish(stage);
          await stage.line(1);
          await stage.fault({ type: "end" });
        },
        outcome: CLOSED,
      },
    ],
    closeFrame: { variant: "the other half, and no FIN", act: finish, outcome: CLOSED },
    closeAndFin: {
      variant: "the other half, and FIN",
      act: async (stage) => {
        await finish(stage);
        await stage.asPeer(1, (peer) => peer.end());
      },
      outcome: CLOSED,
    },
    deafClient: { fault: { type: "blackHole", direction: "toClient" }, act: finish, outcome: DEAD },
    deafServer: { fault: { type: "blackHole", direction: "toServer" }, act: finish, outcome: CLOSED },
    blackHole: { fault: { type: "blackHole" }, act: finish, outcome: DEAD },
    drip: comes({ type: "drip", every: 1 }),
    latency: comes({ type: "latency", ms: 5, jitter: 5 }),
    bandwidth: comes({ type: "bandwidth", bytesPerSecond: 1000 }),
    ...impossible(OF_ANSWER, "the 101 is past"),
    garbage: {
      variant: "in place of the other half",
      act: (stage) => stage.asPeer(1, (peer) => peer.sendRaw(new Uint8Array(16).fill(0xff))),
      outcome: recovers("handleError decoding_failed/open/…"),
    },
    glued: {
      variant: "messages behind the close frame",
      act: (stage) =>
        stage.asPeer(1, (peer) =>
          peer.sendRaw(Buffer.concat([CLOSE.subarray(HALF), rawFrame({ opcode: "text", payload: "late" })])),
        ),
      outcome: CLOSED,
    },
    split: comes({ type: "split" }),
    ...impossible(["hugeHeader", "tooLong"], "inside a close frame no other begins, and what is behind it is not read"),
    pingFlood: {
      variant: "behind the close frame",
      act: async (stage) => {
        await finish(stage);
        await stage.fault({ type: "inject", frame: { opcode: "ping", size: 125 }, times: 10_000 });
      },
      outcome: CLOSED,
    },
    hang: { outcome: DEAD },
    ...impossible(OF_TLS, "the TLS handshake is done"),
    ...impossible(OF_PROVIDER, "they are asked for an attempt, and none is being made"),
    ...impossible(OF_LOOKUP, "the address is known"),
    stall: {
      act: async (stage) => {
        stage.clock.stall(60_000);
        await finish(stage);
      },
      outcome: CLOSED,
    },
    close: [
      {
        variant: "and the other half comes",
        act: async (stage) => {
          stage.connection.close(4000, "bye");
          await finish(stage);
        },
        outcome: CLOSED,
      },
      {
        variant: "and it never comes",
        act: ({ connection }) => connection.close(4000, "bye"),
        outcome: `stays closing → after 3000 → ${recovers("handleDisconnect - -")}`,
      },
    ],
    stop: [
      {
        variant: "and the other half comes",
        act: async (stage) => {
          void stage.connection.stop();
          await finish(stage);
        },
        outcome: "handleTerminate normal → exit normal",
      },
      {
        variant: "and it never comes",
        act: ({ connection }) => void connection.stop(),
        outcome: "stays closing → after 3000 → handleTerminate normal → exit normal",
      },
    ],
    reconnect: {
      act: ({ connection }) => connection.reconnect(),
      outcome: "handleDisconnect - - → at once → handleConnect 101 → echo",
    },
    replace: {
      variant: "and the other half comes",
      act: async (stage) => {
        stage.replace();
        await stage.line(1);
        await finish(stage);
      },
      replacements: 1,
      outcome: "handleConnect 101 → replace() resolves → echo",
    },
    abort: {
      act: ({ controller }) => controller.abort(),
      outcome: "stays closing → after 3000 → handleTerminate shutdown → exit shutdown",
    },
  },
};

async function finish(stage: Stage): Promise<void> {
  await stage.asPeer(1, (peer) => peer.sendRaw(CLOSE.subarray(HALF)));
}
