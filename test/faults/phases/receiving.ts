/** The connection is open, and the server sends without end. */
import {
  accepting,
  echo,
  type FaultRule,
  type FaultTrigger,
  type Peer,
  PeerError,
  type Script,
} from "../../../src/testing/index.ts";
import { type Cell, impossible, type Phase, recovers } from "../cell.ts";
import { OF_ANSWER, OF_LOOKUP, OF_PROVIDER, OF_TLS } from "../faults.ts";
import type { Stage } from "../stage.ts";

/** Numbered messages, as many as the connection takes; beside them what the client sends is given back. */
const ticking: Script = accepting(async (peer) => {
  void echoing(peer);
  for (let tick = 0; await peer.delay(12); tick += 1) {
    try {
      peer.send(`tick ${tick}`);
    } catch (error) {
      // It ends whenever the cell wants.
      if (error instanceof PeerError) return;
      throw error;
    }
  }
});

async function echoing(peer: Peer): Promise<void> {
  for await (const frame of peer.frames()) if (frame.type === "text") peer.send(frame);
}

/** In the middle of the sixth message. */
const MIDDLE: FaultTrigger = { phase: "open", messages: 5, bytes: 4 };
const inMiddle = (fault: FaultRule["fault"]): readonly FaultRule[] => [{ connection: 1, when: MIDDLE, fault }];
const lost = (reason: string): string => recovers(`handleError streaming_failed/open/${reason}`);
const DEAD = `after 25000 → ${lost("pong_timeout")}`;
const violated = (how: string): string => recovers(`handleError decoding_failed/open/${how}`);

/** Goes on as before, and what is received beside it works. */
const works = (fault: Cell["fault"]): Cell => ({ ...(fault && { fault }), act: receives, outcome: "echo → echo" });

export const RECEIVING: Phase = {
  name: "open, receiving",
  about: "the connection is open, and numbered messages keep coming",
  setting: { script: [ticking, echo()] },
  reach: async (stage) => {
    stage.start();
    await stage.line(0);
    await receives(stage);
  },
  before: "handleConnect 101",
  cells: {
    ...impossible(["refused"], "TCP stands"),
    reset: { variant: "inside a frame", rules: inMiddle({ type: "reset" }), outcome: lost("reset") },
    fin: { variant: "inside a frame", rules: inMiddle({ type: "end" }), outcome: lost("ended") },
    closeFrame: {
      fault: { type: "close", code: 1012, reason: "restart" },
      outcome: recovers("handleDisconnect 1012 restart"),
    },
    closeAndFin: { fault: { type: "close", code: 1001, fin: true }, outcome: recovers('handleDisconnect 1001 ""') },
    deafClient: {
      variant: "inside a frame",
      rules: inMiddle({ type: "blackHole", direction: "toClient" }),
      act: falls,
      outcome: DEAD,
    },
    deafServer: {
      fault: { type: "blackHole", direction: "toServer" },
      act: async (stage) => {
        for (let round = 0; round < 4; round += 1) {
          await stage.clock.run(10_000);
          await receives(stage);
        }
      },
      // Its messages keep coming, so the link lives one way; what it answers is for the program to miss.
      outcome: "stays open → stop() → after 3000 → handleTerminate normal → exit normal",
    },
    blackHole: { variant: "inside a frame", rules: inMiddle({ type: "blackHole" }), act: falls, outcome: DEAD },
    drip: works({ type: "drip", bytes: 3, every: 1, direction: "toClient" }),
    latency: works({ type: "latency", ms: 5, jitter: 5 }),
    bandwidth: works({ type: "bandwidth", bytesPerSecond: 30_000 }),
    ...impossible(OF_ANSWER, "the 101 is past"),
    garbage: { variant: "inside a frame", rules: inMiddle({ type: "garbage" }), outcome: violated("…") },
    glued: works({ type: "glue", messages: 10, direction: "toClient" }),
    split: works({ type: "split", direction: "toClient" }),
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
      outcome: "handleControl ×10000 → echo",
    },
    ...impossible(["hang"], 'a server that says nothing more is "open, idle"'),
    ...impossible(OF_TLS, "the TLS handshake is done"),
    ...impossible(OF_PROVIDER, "they are asked for an attempt, and none is being made"),
    ...impossible(OF_LOOKUP, "the address is known"),
    stall: { act: ({ clock }) => clock.stall(60_000), outcome: "echo → echo" },
    close: { act: ({ connection }) => connection.close(4000, "bye"), outcome: recovers("handleDisconnect 4000 bye") },
    stop: { act: ({ connection }) => void connection.stop(), outcome: "handleTerminate normal → exit normal" },
    reconnect: {
      act: ({ connection }) => connection.reconnect(),
      outcome: "handleDisconnect - - → at once → handleConnect 101 → echo",
    },
    replace: {
      act: (stage) => stage.replace(),
      replacements: 1,
      outcome: "handleConnect 101 → replace() resolves → echo",
    },
    abort: { act: ({ controller }) => controller.abort(), outcome: "handleTerminate shutdown → exit shutdown" },
  },
};

/** Some more messages have come. */
async function receives(stage: Stage): Promise<void> {
  const until = stage.count.ticks + 4;
  await stage.until(() => stage.count.ticks >= until, "messages");
}

/** The plan's fault has happened, and what came before it has been read. */
async function falls(stage: Stage): Promise<void> {
  await stage.until(() => stage.proxy.faults.length === 1, "the fault");
  await stage.settle();
}
