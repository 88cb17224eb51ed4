/**
 * Frames that still wait in a link when this end gives it up are told of, whatever the occasion (section 2.8).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Connection, Fresh, type FreshError, ignore, stop } from "../../src/index.ts";
import { TestServer } from "../../src/testing/index.ts";

const OCCASIONS: readonly [string, Record<string, number>, (connection: Connection<number>) => void, string][] = [
  ["a pong that doesn't come", { pingInterval: 50, pongTimeout: 100 }, () => undefined, "streaming_failed"],
  ["reconnect()", { pingInterval: 0 }, (connection) => connection.reconnect(), "disconnect"],
  ["closeTimeout", { pingInterval: 0, closeTimeout: 100 }, (connection) => connection.close(), "disconnect"],
  ["stop()", { pingInterval: 0, closeTimeout: 100 }, (connection) => void connection.stop(), "terminate"],
];

for (const [occasion, options, giveUp, end] of OCCASIONS) {
  test(`frames that wait when ${occasion} gives the link up are casting_failed: given_up, counted, and drain() rejects`, async () => {
    await using server = await TestServer.start({
      script: async (peer) => {
        await peer.accept();
        peer.pause();
      },
    });
    const told: (string | FreshError)[] = [];
    const connection = Fresh.start(
      server.url,
      {
        handleError(error, state) {
          told.push(error.kind === "casting_failed" ? error : error.kind);
          return error.kind === "casting_failed" ? ignore(state) : stop();
        },
        handleDisconnect() {
          told.push("disconnect");
          return stop();
        },
        handleTerminate() {
          told.push("terminate");
        },
      },
      0,
      { ...options, infoLogging: false, errorLogging: false },
    );
    await connection.opened();
    // More than the system takes from a peer that doesn't read.
    for (let count = 0; count < 64; count += 1) assert.equal(connection.send(new Uint8Array(256 * 1024)), "sent");
    const drained = assert.rejects(connection.drain(), { kind: "casting_failed", reason: "given_up" });
    giveUp(connection);
    await connection.exited;
    await drained;
    const [first, second] = told;
    assert.ok(typeof first === "object" && first.reason === "given_up", String(first));
    assert.equal(second, end);
    const { lost } = connection.stats.dropped;
    assert.ok(lost > 0 && lost <= 64);
    assert.match(first.message, new RegExp(`^Sent frames were lost: ${lost} frames that send had accepted`));
  });
}
