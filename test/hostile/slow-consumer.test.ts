/**
 * A consumer that is slower than its server, over streams that no memory would hold: reading pauses, the process's memory stays flat, and
 * not a message is lost. The clients are processes of their own.
 */
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";
import { DIGITS, RawServer, SIZES, stream } from "./number-stream.ts";

const MiB = 1024 * 1024;
const FLAGS = ["--conditions=everfresh-source", "--import", import.meta.resolve("tsx")];
/** The inbox's default: so many messages, or 1 MiB. */
const MOST_WAITING = 64;
/** What may have been read of messages that the callback hasn't had: the inbox's MiB, one message, and one read. */
const MOST_BYTES_WAITING = 2 * MiB + 65_536;
/**
 * What a process may hold however long the stream is: what waits in the inbox, each message of which may keep the piece that was read
 * with it, a message that is arriving, and what Node reads ahead.
 */
const HELD = 16 * MiB;
/** Of the process beyond what it holds: garbage that is yet to be collected, and the collector's own room. */
const GARBAGE = 160 * MiB;

type Seen = {
  readonly messages: number;
  readonly bytes: number;
  readonly wrong: number;
  readonly mostWaiting: number;
  readonly mostBytesWaiting: number;
  readonly held: number;
  readonly rss: number;
  readonly reason: string;
};

/** Starts a client; what it has seen comes when its server has closed. */
function consumer(url: string, ...options: readonly string[]): { readonly seen: Promise<Seen>; end(): void } {
  const program = fileURLToPath(new URL("programs/slow-consumer.ts", import.meta.url));
  const child = fork(program, [url, ...options], { execArgv: FLAGS });
  const ended = once(child, "exit").then(([code]) => assert.fail(`the client ended with ${code} and said nothing`));
  return {
    seen: Promise.race([once(child, "message").then(([message]) => message as Seen), ended]),
    end: () => child.kill("SIGKILL"),
  };
}

test("a slow consumer of 2 GB in messages of all sizes keeps the process's memory flat and gets each of them, in order", async (t) => {
  await using server = await RawServer.start();
  const client = consumer(server.url);
  t.after(() => client.end());
  const roundBytes = SIZES.reduce((sum, size) => sum + size, 0);
  const rounds = Math.ceil(2e9 / roundBytes);
  const sent = await stream(await server.socket, rounds);
  const seen = await client.seen;
  t.diagnostic(JSON.stringify(seen));
  assert.deepEqual([seen.messages, seen.wrong, seen.reason], [sent, 0, "normal"]);
  assert.equal(seen.bytes, rounds * roundBytes);
  assert.ok(seen.mostBytesWaiting <= MOST_BYTES_WAITING, `${seen.mostBytesWaiting} bytes waited`);
  assert.ok(seen.mostWaiting <= MOST_WAITING + 1, `${seen.mostWaiting} messages waited`);
  assert.ok(seen.held <= HELD, `${seen.held} bytes were held`);
  assert.ok(seen.rss <= GARBAGE, `the process grew by ${seen.rss} bytes`);
});

test("a slow consumer of 100 MB in compressed messages keeps the process's memory flat and gets each of them, in order", async (t) => {
  const server = new WebSocketServer({
    host: "127.0.0.1",
    port: 0,
    perMessageDeflate: { zlibDeflateOptions: { level: 1 } },
  });
  t.after(() => server.close());
  await once(server, "listening");
  const client = consumer(`ws://127.0.0.1:${(server.address() as { port: number }).port}/`, "deflate");
  t.after(() => client.end());
  const [socket] = await once(server, "connection");
  assert.match(socket.extensions, /permessage-deflate/);
  let bytes = 0;
  let sent = 0;
  for (; bytes < 100e6; sent += 1) {
    const size = SIZES[sent % SIZES.length] as number;
    const message = String(sent).padStart(DIGITS, "0").padEnd(size, "a message that repeats itself, ");
    bytes += size;
    await new Promise<void>((resolve, reject) =>
      socket.send(message, (error: Error | undefined) => (error ? reject(error) : resolve())),
    );
  }
  socket.close(1000);
  const seen = await client.seen;
  t.diagnostic(JSON.stringify(seen));
  assert.deepEqual([seen.messages, seen.wrong, seen.bytes, seen.reason], [sent, 0, bytes, "normal"]);
  assert.ok(seen.mostWaiting <= MOST_WAITING + 1, `${seen.mostWaiting} messages waited`);
  assert.ok(seen.held <= HELD, `${seen.held} bytes were held`);
  assert.ok(seen.rss <= GARBAGE, `the process grew by ${seen.rss} bytes`);
});
