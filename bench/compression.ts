/**
 * permessage-deflate on 200-byte JSON messages through the whole path, context kept, next to `ws` in the same run.
 *
 *     npm run bench:compression                    5 rounds, both directions, then memory
 *     npm run bench:compression -- --rounds 9 --messages 400000
 *
 * Both with level 3, which is everfresh's default, and with zlib's own default 6, so that the same work is compared. Rounds are interleaved
 * and medians are compared: read the ratio. Every message is checked for its length; the sink inflates what it got and says how much that is.
 */
import { fork } from "node:child_process";
import { parseArgs } from "node:util";
import { WebSocket } from "ws";
import { Fresh, ok, permessageDeflate, stop } from "../src/index.ts";
import { jsonMessages } from "./json-messages.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, messages: { type: "string", default: "200000" } },
});
const rounds = Number(values.rounds);
const count = Number(values.messages);
const sent = count / 4;
const messages = jsonMessages(2000);

const peer = fork(new URL("./compressed-peer.ts", import.meta.url), { execArgv: process.execArgv });
const port = await new Promise<number>((resolve) => peer.once("message", (value) => resolve(value as number)));
const sourceUrl = `ws://127.0.0.1:${port}/source?count=${count}`;
const sinkUrl = `ws://127.0.0.1:${port}/sink?count=${sent}`;
const optionsOf = (level: number) => ({
  infoLogging: false,
  upgradeOptions: { extensions: [permessageDeflate({ threshold: 0, level })] },
});
const wsOptionsOf = (level: number) => ({ perMessageDeflate: { threshold: 0, zlibDeflateOptions: { level } } });

/** Messages a second. */
type Round = (level: number) => Promise<number>;

const rate = (number: number, from: number): number => number / ((performance.now() - from) / 1000);

const receiveEverfresh: Round = (level) =>
  new Promise((resolve, reject) => {
    let from = 0;
    const Receiver = Fresh.define<number>("Receiver", {
      handleConnect: () => {
        from = performance.now();
        return ok(0);
      },
      handleIn: (frame, received, self) => {
        if (frame.data.length !== 200) throw new Error(`a message of ${frame.data.length}`);
        if (received + 1 === count) {
          resolve(rate(count, from));
          self.stop("normal", { timeout: 0 });
        }
        return ok(received + 1);
      },
      handleError: (error) => stop(error),
      handleTerminate: (reason) => reject(new Error(`It ended early: ${String(reason)}`)),
    });
    Receiver.start({ uri: sourceUrl, state: 0, options: optionsOf(level) });
  });

const receiveWs: Round = (level) =>
  new Promise((resolve, reject) => {
    let from = 0;
    let received = 0;
    const socket = new WebSocket(sourceUrl, wsOptionsOf(level));
    socket.on("open", () => {
      from = performance.now();
    });
    socket.on("message", (data) => {
      if (String(data).length !== 200) reject(new Error("wrong length"));
      received += 1;
      if (received === count) {
        resolve(rate(count, from));
        socket.terminate();
      }
    });
    socket.on("error", reject);
  });

/** Bytes on the wire of the last round that sent. */
let wire = 0;

/** As a feed does it: a hundred messages a tick. `send` answers false when there is no room: then it goes on in the next one. */
function sendAll(send: (message: string) => boolean): void {
  let index = 0;
  const tick = (): void => {
    for (const end = Math.min(index + 100, sent); index < end; index += 1)
      if (!send(messages[index % messages.length] as string)) break;
    if (index < sent) setImmediate(tick);
  };
  tick();
}

function check(said: string): void {
  const result = JSON.parse(said) as { wire: number; inflated: number };
  if (result.inflated !== sent * 200) throw new Error(`The sink inflated ${result.inflated} bytes.`);
  wire = result.wire;
}

const sendEverfresh: Round = (level) =>
  new Promise((resolve, reject) => {
    let from = 0;
    const Sender = Fresh.define<undefined>("Sender", {
      handleConnect: (_status, _headers, state, self) => {
        from = performance.now();
        setImmediate(() => sendAll((message) => self.send(message) !== "dropped"));
        return ok(state);
      },
      handleIn: (frame, state, self) => {
        const figure = rate(sent, from);
        check(String(frame.data));
        resolve(figure);
        self.stop("normal", { timeout: 0 });
        return ok(state);
      },
      handleError: (error) => {
        reject(error);
        return stop();
      },
    });
    Sender.start({ uri: sinkUrl, state: undefined, options: optionsOf(level) });
  });

const sendWs: Round = (level) =>
  new Promise((resolve, reject) => {
    let from = 0;
    const socket = new WebSocket(sinkUrl, wsOptionsOf(level));
    socket.on("open", () => {
      from = performance.now();
      sendAll((message) => {
        socket.send(message);
        return true;
      });
    });
    socket.on("message", (data) => {
      const figure = rate(sent, from);
      check(String(data));
      resolve(figure);
      socket.terminate();
    });
    socket.on("error", reject);
  });

const median = (numbers: readonly number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
};
const perSecond = (value: number): string => `${Math.round(value / 1000).toLocaleString("en")} k/s`.padStart(9);

async function compare(title: string, level: number, ours: Round, theirs: Round): Promise<void> {
  await ours(level);
  await theirs(level);
  const figures: { ours: number; theirs: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    figures.push({ ours: await ours(level), theirs: await theirs(level) });
  }
  const ratios = figures.map((figure) => figure.ours / figure.theirs).sort((a, b) => a - b);
  console.log(
    `${title.padEnd(30)} everfresh ${perSecond(median(figures.map((figure) => figure.ours)))}   ws ${perSecond(median(figures.map((figure) => figure.theirs)))}   ratio ${median(ratios).toFixed(1)} (${(ratios[0] as number).toFixed(1)} to ${(ratios.at(-1) as number).toFixed(1)})`,
  );
}

console.log(`Node ${process.version}, ${rounds} interleaved rounds, medians`);
await compare("receive 200 B JSON", 6, receiveEverfresh, receiveWs);
for (const level of [6, 3]) {
  await compare(`send 200 B JSON, level ${level}`, level, sendEverfresh, sendWs);
  console.log(`  ${(wire / sent).toFixed(1)} bytes a message on the wire`);
}
peer.disconnect();
await import("./compression-memory.ts");
