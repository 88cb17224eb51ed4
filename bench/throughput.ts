/**
 * First figures of speed: 64-byte text messages through the whole path, next to `ws` in the same run.
 *
 *     npm run bench                    both directions, 7 rounds
 *     npm run bench -- --rounds 15 --messages 2000000
 *
 * everfresh is used as its users use it: a module with callbacks, defaults as shipped, all checks and limits on. The peer is a raw
 * socket in another process. Rounds are interleaved and medians are compared: read the ratio, not the rate.
 * Every message is counted and checked for its length; the sink checks that each byte has come.
 */
import { fork } from "node:child_process";
import { parseArgs } from "node:util";
import { WebSocket } from "ws";
import { Fresh, ok, stop } from "../src/index.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "7" },
    messages: { type: "string", default: "1000000" },
    size: { type: "string", default: "64" },
    burst: { type: "string", default: "100" },
  },
});
const rounds = Number(values.rounds);
const count = Number(values.messages);
const size = Number(values.size);
const burst = Number(values.burst);
const message = "abcdefghijklmnopqrstuvwxyz0123456789".repeat(Math.ceil(size / 36)).slice(0, size);
/** Header, extended length where there is one, mask, payload. */
const frameBytes = (size < 126 ? 2 : 4) + 4 + size;

const peer = fork(new URL("./raw-peer.ts", import.meta.url), { execArgv: process.execArgv });
const port = await new Promise<number>((resolve) => peer.once("message", (value) => resolve(value as number)));
const sourceUrl = `ws://127.0.0.1:${port}/source?count=${count}&size=${size}`;
const sinkUrl = `ws://127.0.0.1:${port}/sink?bytes=${(count / 4) * frameBytes}`;
const options = { infoLogging: false };

/** Messages a second. */
type Round = () => Promise<number>;

const rate = (messages: number, from: number): number => messages / ((performance.now() - from) / 1000);

const receiveEverfresh: Round = () =>
  new Promise((resolve, reject) => {
    let from = 0;
    const Receiver = Fresh.define<number>("Receiver", {
      handleConnect: () => {
        from = performance.now();
        return ok(0);
      },
      handleIn: (frame, received, self) => {
        if (frame.data.length !== size) throw new Error(`a message of ${frame.data.length}`);
        if (received + 1 === count) {
          resolve(rate(count, from));
          self.stop("normal", { timeout: 0 });
        }
        return ok(received + 1);
      },
      handleError: (error) => stop(error),
      handleTerminate: (reason) => reject(new Error(`It ended early: ${String(reason)}`)),
    });
    Receiver.start({ uri: sourceUrl, state: 0, options });
  });

const receiveWs: Round = () =>
  new Promise((resolve, reject) => {
    let from = 0;
    let received = 0;
    const socket = new WebSocket(sourceUrl, { perMessageDeflate: false });
    socket.on("open", () => {
      from = performance.now();
    });
    socket.on("message", (data) => {
      // A text message is a Buffer there; users turn it into the string that everfresh gives.
      if (String(data).length !== size) reject(new Error("wrong length"));
      received += 1;
      if (received === count) {
        resolve(rate(count, from));
        socket.terminate();
      }
    });
    socket.on("error", reject);
  });

/** `send` answers false when there is no room: then it goes on in the next turn. */
function sendAll(send: () => boolean): void {
  let left = count / 4;
  const tick = (): void => {
    for (let index = 0; index < burst && left > 0; index += 1) {
      if (!send()) break;
      left -= 1;
    }
    if (left > 0) setImmediate(tick);
  };
  tick();
}

const sendEverfresh: Round = () =>
  new Promise((resolve, reject) => {
    let from = 0;
    const Sender = Fresh.define<undefined>("Sender", {
      handleConnect: (_status, _headers, state, self) => {
        from = performance.now();
        setImmediate(() => sendAll(() => self.send(message) !== "dropped"));
        return ok(state);
      },
      handleIn: (frame, state, self) => {
        if (frame.data === "done") resolve(rate(count / 4, from));
        else reject(new Error(String(frame.data)));
        self.stop("normal", { timeout: 0 });
        return ok(state);
      },
      handleError: (error) => {
        reject(error);
        return stop();
      },
    });
    Sender.start({ uri: sinkUrl, state: undefined, options });
  });

const sendWs: Round = () =>
  new Promise((resolve, reject) => {
    let from = 0;
    const socket = new WebSocket(sinkUrl, { perMessageDeflate: false });
    socket.on("open", () => {
      from = performance.now();
      sendAll(() => {
        socket.send(message);
        return true;
      });
    });
    socket.on("message", (data) => {
      if (String(data) === "done") resolve(rate(count / 4, from));
      else reject(new Error(String(data)));
      socket.terminate();
    });
    socket.on("error", reject);
  });

const median = (numbers: readonly number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
};
const perSecond = (value: number): string => `${Math.round(value / 1000).toLocaleString("en")} k/s`.padStart(11);

async function compare(title: string, ours: Round, theirs: Round): Promise<void> {
  await ours();
  await theirs();
  const figures: { ours: number; theirs: number }[] = [];
  for (let round = 0; round < rounds; round += 1) figures.push({ ours: await ours(), theirs: await theirs() });
  const ratios = figures.map((figure) => figure.ours / figure.theirs).sort((a, b) => a - b);
  console.log(
    `${title.padEnd(34)} everfresh ${perSecond(median(figures.map((figure) => figure.ours)))}   ws ${perSecond(median(figures.map((figure) => figure.theirs)))}   ratio ${median(ratios).toFixed(2)} (${(ratios[0] as number).toFixed(2)} to ${(ratios.at(-1) as number).toFixed(2)})`,
  );
}

console.log(`Node ${process.version}, ${rounds} interleaved rounds, medians`);
await compare(`receive ${size} B text`, receiveEverfresh, receiveWs);
await compare(`send ${size} B text, ${burst} a tick`, sendEverfresh, sendWs);
peer.disconnect();
