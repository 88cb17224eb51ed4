/** The connection is open, and so much is being sent that the peer doesn't keep up: buffers are full, and the rest waits in the outbox. */
import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { accepting, echo, type Fault, type Script } from "../../../src/testing/index.ts";
import { type Cell, impossible, type Phase, recovers } from "../cell.ts";
import { OF_ANSWER, OF_LOOKUP, OF_PROVIDER, OF_TLS } from "../faults.ts";
import type { Stage } from "../stage.ts";

const KiB = 1024;
const SIZE = 16 * KiB;
const QUEUED = 4;
/** So many looks, a ms apart, at a buffer that stays as it is mean that nobody takes anything. */
const QUIET = 20;
/** More than the system takes for a peer that doesn't read. */
const MOST = (64 * KiB * KiB) / SIZE;

/** Soon full, and more than the system still takes when, some 100 ms after the window closed, it asks whether it has opened. */
const OPTIONS = { sendBuffer: 2 * KiB * KiB, outbox: { maxMessages: 20, maxBytes: KiB * KiB } };

/** Accepts, and reads no byte more until somebody has it do so. */
const unreading: Script = accepting((peer) => peer.pause());

/** The end of a link that held frames: they are told of first. Those that waited in the outbox go out on the next link. */
const loses = (cast: string, how: string): Omit<Cell, "fault"> => ({
  dropped: { lost: "some" },
  outcome: `handleError casting_failed/${cast} → ${how} → waits 125 → handleConnect 101 → loads ×${QUEUED} → echo`,
});
const lost = (reason: string) => loses(`open/${reason}`, `handleError streaming_failed/open/${reason}`);
/** The closing handshake that nobody answers ends, and with it the connection. */
const givenUp = (first: string, reason: string): Omit<Cell, "fault"> => ({
  dropped: { lost: "some", terminated: QUEUED },
  outcome: `${first} → handleError casting_failed/closing/given_up → handleTerminate ${reason} → exit ${reason}`,
});
const late = (cell: Omit<Cell, "fault">): Omit<Cell, "fault"> => ({
  ...cell,
  outcome: `stays closing → after 3000 → ${cell.outcome}`,
});
const dead = { ...loses("open/given_up", "handleError streaming_failed/open/pong_timeout") };
const isDead: Omit<Cell, "fault"> = { ...dead, outcome: `after 25000 → ${dead.outcome}` };
const violated = (how: string) => loses("open/closed", `handleError decoding_failed/open/${how}`);

/** A link that is slow, but goes on: the server reads, and gives back what it reads. */
const slow = (fault: Fault): Cell => ({ script: echo(), fault, act: loads, outcome: "loads ×40 → echo" });

export const SENDING: Phase = {
  name: "open, sending",
  about: "the connection is open, the peer reads nothing, buffers are full, and frames wait in the outbox",
  setting: {
    script: [unreading, echo()],
    options: OPTIONS,
  },
  reach: async (stage) => {
    stage.start();
    await stage.line(0);
    await stage.proxied(1).then((connection) => connection.reached("open"));
    const peer = await stage.peer(1);
    if (peer.socket.isPaused()) await fill(stage);
  },
  before: "handleConnect 101",
  cells: {
    ...impossible(["refused"], "TCP stands"),
    reset: { fault: { type: "reset" }, ...lost("reset") },
    fin: { fault: { type: "end" }, ...lost("ended") },
    closeFrame: {
      fault: { type: "close", code: 1012, reason: "restart" },
      ...loses("open/closed", "handleDisconnect 1012 restart"),
    },
    closeAndFin: {
      fault: { type: "close", code: 1001, fin: true },
      ...loses("open/closed", 'handleDisconnect 1001 ""'),
    },
    deafClient: { fault: { type: "blackHole", direction: "toClient" }, ...isDead },
    deafServer: {
      fault: { type: "blackHole", direction: "toServer" },
      // What waits is taken and lost, unseen; the silence tells.
      outcome: `after 25000 → ${recovers("handleError streaming_failed/open/pong_timeout")}`,
    },
    blackHole: {
      fault: { type: "blackHole" },
      outcome: `after 25000 → ${recovers("handleError streaming_failed/open/pong_timeout")}`,
    },
    drip: slow({ type: "drip", bytes: 2 * KiB, every: 1 }),
    latency: slow({ type: "latency", ms: 5, jitter: 5 }),
    bandwidth: slow({ type: "bandwidth", bytesPerSecond: 10 * KiB * KiB }),
    ...impossible(OF_ANSWER, "the 101 is past"),
    garbage: { fault: { type: "garbage" }, ...violated("reserved_bits closeCode 1002") },
    glued: slow({ type: "glue", messages: 10 }),
    split: slow({ type: "split", bytes: 256 }),
    hugeHeader: {
      fault: { type: "inject", frame: { opcode: "binary", length: 2 ** 40, lengthEncoding: "64-bit" } },
      ...violated("message_too_long closeCode 1009"),
    },
    tooLong: {
      options: { ...OPTIONS, maxMessageSize: 20_000 },
      fault: { type: "inject", frame: { opcode: "binary", size: 20_001 } },
      ...violated("message_too_long closeCode 1009"),
    },
    // Beside it the peer reads: what the system takes of bytes that nobody reads grows with the traffic the other way.
    pingFlood: {
      script: echo(),
      fault: { type: "inject", frame: { opcode: "ping", size: 125 }, times: 10_000 },
      act: loads,
      outcome: "handleControl ×10000 → loads ×40 → echo",
    },
    hang: { ...isDead },
    ...impossible(OF_TLS, "the TLS handshake is done"),
    ...impossible(OF_PROVIDER, "they are asked for an attempt, and none is being made"),
    ...impossible(OF_LOOKUP, "the address is known"),
    stall: {
      act: async (stage) => {
        stage.clock.stall(20_000);
        await stage.asPeer(1, (peer) => peer.resume());
        await stage.connection.drain();
      },
      outcome: "stays open",
    },
    close: {
      act: ({ connection }) => connection.close(4000, "bye"),
      ...late(loses("closing/given_up", "handleDisconnect - -")),
    },
    stop: { act: ({ connection }) => void connection.stop(), ...givenUp("stays closing → after 3000", "normal") },
    reconnect: {
      act: ({ connection }) => connection.reconnect(),
      dropped: { lost: "some" },
      outcome: `handleError casting_failed/closing/given_up → handleDisconnect - - → at once → handleConnect 101 → loads ×${QUEUED} → echo`,
    },
    replace: {
      act: (stage) => stage.replace(),
      replacements: 1,
      dropped: { lost: "some" },
      outcome: `handleConnect 101 → after 3000 → handleError casting_failed/open/given_up → replace() resolves → loads ×${QUEUED} → echo`,
    },
    abort: { act: ({ controller }) => controller.abort(), ...givenUp("stays closing → after 3000", "shutdown") },
  },
};

/** Sends until the buffer is full, and lets the system and the proxy take what they still take; then what waits in the outbox. */
async function fill(stage: Stage): Promise<void> {
  const { connection } = stage;
  let held = 0;
  // At a quarter of it or less it isn't full any more.
  for (let sent = 0; held <= OPTIONS.sendBuffer / 4; ) {
    for (; connection.bufferedAmount < OPTIONS.sendBuffer; sent += 1) {
      assert.ok(sent < MOST, "the system takes everything");
      stage.load(SIZE);
      if (sent % 10 === 0) await stage.settle();
    }
    for (let quiet = 0; quiet < QUIET; quiet += 1) {
      await setTimeout(1);
      if (connection.bufferedAmount !== held) quiet = 0;
      held = connection.bufferedAmount;
    }
  }
  for (let queued = 0; queued < QUEUED; queued += 1) stage.load(SIZE);
  assert.equal(stage.sent.queued, QUEUED);
}

/** Sends as much as is taken at once, or nearly. */
function loads(stage: Stage): void {
  for (let sent = 0; sent < 40; sent += 1) stage.load(KiB);
}
