/**
 * What compression costs a connection in memory, in each state: the engine alone, 300 of them. Run by bench/compression.ts.
 *
 * Resident memory is what is looked at, because nothing else counts zlib's. Once connections sleep it tells nothing, as the system's allocator
 * keeps what it was given back for the next who asks; so of those the buffers are counted, which are all they hold.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { agreeTo, Engine, extensionsOf, permessageDeflate } from "../src/protocol/index.ts";
import { jsonMessages } from "./json-messages.ts";

const CONNECTIONS = 300;
const limits = { maxMessageSize: 1024 * 1024, maxFragments: 100 };
const messages = jsonMessages(400);

/** Resident memory a connection, in KiB, once garbage is gone. */
async function resident(): Promise<number> {
  for (let turn = 0; turn < 5; turn++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return process.memoryUsage.rss() / CONNECTIONS / 1024;
}

function engine(role: "client" | "server", answer: string): Engine {
  const entries = extensionsOf([answer]) ?? [];
  const agreed = agreeTo(entries, [permessageDeflate({ threshold: 0 })], {
    role,
    maxMessageSize: limits.maxMessageSize,
    hibernates: true,
  });
  if (agreed.type === "refused") throw new Error(agreed.message);
  return new Engine({ role, ...limits, extensions: agreed.stack });
}

function send(one: Engine): void {
  for (const message of messages) {
    one.encode(message);
    one.take();
  }
}

function receive(one: Engine, bytes: Uint8Array): void {
  one.push(bytes);
  while (one.next() !== undefined);
}

async function measure(title: string, answer: string): Promise<void> {
  const server = engine("server", answer);
  for (const message of messages) server.encode(message);
  const received = Uint8Array.from(server.take() ?? []);
  server.close();
  const begin = await resident();
  const engines = Array.from({ length: CONNECTIONS }, () => engine("client", answer));
  const opened = await resident();
  for (const one of engines) send(one);
  const sent = await resident();
  for (const one of engines) receive(one, received);
  const both = await resident();
  for (const one of engines) one.hibernate();
  await resident();
  const asleep = process.memoryUsage().arrayBuffers / CONNECTIONS / 1024;
  for (const one of engines) one.close();
  const figures = [opened - begin, sent - begin, both - begin, asleep].map((kib) =>
    `${Math.round(kib)} KiB`.padStart(9),
  );
  console.log(`${title.padEnd(34)}${figures.join(" ")}`);
}

const cases = [
  ["context takeover, 15 window bits", "permessage-deflate"],
  ["12 window bits both ways", "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"],
  ["no context takeover", "permessage-deflate; server_no_context_takeover; client_no_context_takeover"],
] as const;
const only = process.argv[2];
if (only === undefined) {
  console.log("\nMemory a connection                  opened      sent  and received   asleep");
  // Each in a process of its own: what one has given back, the next would find.
  for (const index of cases.keys()) {
    const child = fork(new URL(import.meta.url), [`${index}`], { execArgv: process.execArgv });
    await once(child, "exit");
  }
} else {
  const [title, answer] = cases[Number(only)] ?? cases[0];
  await measure(title, answer);
}
