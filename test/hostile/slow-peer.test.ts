/** A server that doesn't read, and a client that sends all the same: memory is bounded, the caller is told, and what was accepted arrives. */
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { DIGITS, RawServer } from "./number-stream.ts";

const MiB = 1024 * 1024;
const FLAGS = ["--conditions=everfresh-source", "--import", import.meta.resolve("tsx")];
const SIZE = 10_000;
/** Of a masked frame with a length of two bytes. */
const HEADER = 8;
/** The defaults of sendBuffer and of the outbox. */
const BOUND = 16 * MiB + MiB + SIZE + HEADER;
/** What a client holds besides: its own state, code that has been compiled meanwhile, batches that are being filled. */
const SLACK = 6 * MiB;

type Stalled = {
  readonly answers: { readonly sent: number; readonly queued: number; readonly dropped: number };
  readonly mostBuffered: number;
  readonly held: number;
  readonly rss: number;
  readonly overflow: number;
};

test("a peer that doesn't read costs sendBuffer, the outbox and no more; when it reads, all that was accepted arrives in order", async (t) => {
  await using server = await RawServer.start();
  const program = fileURLToPath(new URL("programs/slow-peer.ts", import.meta.url));
  const child = fork(program, [server.url, String(SIZE)], { execArgv: FLAGS });
  t.after(() => child.kill("SIGKILL"));
  const socket = await server.socket;
  socket.pause();
  const exited = once(child, "exit").then(() => assert.fail("the client ended too early"));
  const said = async <T>(): Promise<T> => (await Promise.race([once(child, "message"), exited]))[0] as T;
  const stalled = await said<Stalled>();
  t.diagnostic(JSON.stringify(stalled));
  const { sent, queued, dropped } = stalled.answers;
  assert.ok(sent > 0 && queued > 0 && dropped > 0);
  assert.equal(queued, Math.floor(MiB / SIZE), "as many as the outbox takes");
  assert.equal(stalled.overflow, dropped);
  assert.ok(stalled.mostBuffered <= BOUND, `${stalled.mostBuffered} bytes were buffered`);
  assert.ok(stalled.held <= BOUND + SLACK, `${stalled.held} bytes were held`);
  const numbers = readNumbers(socket, sent + queued);
  child.send("go on");
  const after = await said<{ readonly drained: number; readonly held: number }>();
  t.diagnostic(JSON.stringify(after));
  assert.deepEqual(
    await numbers,
    Array.from({ length: sent + queued }, (_, number) => number),
  );
  assert.equal(after.drained, 0);
  assert.ok(after.held <= SLACK, `${after.held} bytes are still held`);
});

/** The numbers of so many messages of the known size. */
function readNumbers(socket: Socket, count: number): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    const numbers: number[] = [];
    let rest: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (; rest.length >= HEADER + SIZE; rest = rest.subarray(HEADER + SIZE)) {
        const mask = rest.subarray(HEADER - 4, HEADER);
        const digits = Array.from(
          rest.subarray(HEADER, HEADER + DIGITS),
          (byte, at) => byte ^ (mask[at % 4] as number),
        );
        numbers.push(Number(String.fromCharCode(...digits)));
      }
      if (numbers.length >= count) resolve(numbers);
    });
    socket.on("close", () => reject(new Error(`the socket closed after ${numbers.length} messages`)));
    socket.resume();
  });
}
