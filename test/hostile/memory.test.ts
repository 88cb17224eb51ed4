/**
 * Memory under streams that were made to take it, measured in processes of their own after the collector has run. What holds is
 * said in docs/protocol.md too.
 */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, fork } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { TestServer } from "../../src/testing/index.ts";

const MiB = 1024 * 1024;
const LIMIT = 16 * MiB;
/** What an engine may take beyond maxMessageSize. */
const CONSTANT = MiB;
/** What a whole client may hold for a server that doesn't read: pongs that it has handed over, its socket's buffers, its own state. */
const CLIENT_CONSTANT = 2 * MiB;
const PATIENCE = 50_000;
const FLAGS = ["--conditions=everfresh-source", "--import", import.meta.resolve("tsx")];

const program = (name: string): string => fileURLToPath(new URL(`programs/${name}`, import.meta.url));

async function peakOf(stream: string): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [...FLAGS, program("streams.ts"), stream], {
    timeout: PATIENCE,
  });
  return (JSON.parse(stdout) as { readonly peak: number }).peak;
}

describe("an engine with a limit of 16 MiB", () => {
  for (const stream of ["fragments of one byte", "a message byte by byte", "text in fragments with pings between"]) {
    it(`never holds more than its limit and 1 MiB for ${stream}`, async () => {
      const peak = await peakOf(stream);
      assert.ok(peak <= LIMIT + CONSTANT, `${peak} bytes`);
    });
  }

  it("never holds more than twice its limit and 1 MiB for a bomb to the limit, and then a frame that never ends", async () => {
    const peak = await peakOf("a bomb to the limit, and then a frame that never ends");
    assert.ok(peak <= 2 * LIMIT + CONSTANT, `${peak} bytes`);
  });

  for (const stream of [
    "fragments without a payload",
    "a message that is only announced",
    "pings whose answers can't go out",
    "many small messages",
  ]) {
    it(`never holds more than 1 MiB for ${stream}`, async () => {
      const peak = await peakOf(stream);
      assert.ok(peak <= CONSTANT, `${peak} bytes`);
    });
  }
});

describe("a client", () => {
  it("never holds more than 2 MiB for a server that sends pings without end and reads no pong", async () => {
    const server = await TestServer.start({ script: () => {}, timeout: PATIENCE });
    const child = fork(program("client.ts"), [server.url], { execArgv: FLAGS });
    try {
      const peer = await server.connection(1);
      await peer.accept();
      await once(child, "message");
      peer.pause();
      const pings = Buffer.concat(new Array(500).fill(Buffer.from([0x89, 125, ...new Array(125).fill(0x70)])));
      // More than any system's socket buffers take: as long as it flows, the client reads.
      for (let sent = 0; sent < 64 * MiB; sent += pings.length) {
        peer.sendRaw(pings);
        await peer.flushed();
      }
      const { held, status } = await ask(child);
      assert.equal(status, "open");
      assert.ok(held <= CLIENT_CONSTANT, `${held} bytes`);
    } finally {
      child.kill("SIGKILL");
      await server.stop();
    }
  });
});

async function ask(child: ChildProcess): Promise<{ readonly held: number; readonly status: string }> {
  const answer = once(child, "message");
  child.send("measure");
  return (await answer)[0];
}
