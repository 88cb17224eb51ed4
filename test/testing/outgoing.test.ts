import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { PeerError } from "../../src/testing/errors.ts";
import { Outgoing } from "../../src/testing/outgoing.ts";
import { withSocketPair } from "./socket-pair.ts";

const gone = (): PeerError => new PeerError("ended", "gone");
const bytes = (text: string): Uint8Array => Buffer.from(text);

test("what is written while pieces are under way goes out behind them, the FIN last", () =>
  withSocketPair(async ({ server, client }) => {
    const outgoing = new Outgoing(server, gone);
    outgoing.write(bytes("1"));
    const pieces = outgoing.writePieces([bytes("2"), bytes("3"), bytes("4")], 2);
    outgoing.write(bytes("5"));
    outgoing.write(bytes("6"));
    outgoing.end();
    assert.equal(outgoing.isOpen, false);
    assert.throws(() => outgoing.write(bytes("7")), { reason: "ended" });
    await pieces;
    assert.equal(String(await client.all()), "123456");
  }));

test("only one run of pieces at a time", () =>
  withSocketPair(async ({ server }) => {
    const outgoing = new Outgoing(server, gone);
    const pieces = outgoing.writePieces([bytes("1"), bytes("2")], 1);
    await assert.rejects(outgoing.writePieces([bytes("3")], 1), { reason: "misused" });
    await pieces;
    await outgoing.writePieces([bytes("3")], 1);
  }));

test("pieces end at once with the connection, and say why", () =>
  withSocketPair(async ({ server }) => {
    const outgoing = new Outgoing(server, gone);
    const pieces = outgoing.writePieces([bytes("1"), bytes("2")], 100_000);
    server.destroy();
    await assert.rejects(pieces, { reason: "ended" });
    assert.equal(process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length, 0);
  }));

test("what is swallowed never arrives, pieces under way included, and TCP stays up", () =>
  withSocketPair(async ({ server, client }) => {
    const outgoing = new Outgoing(server, gone);
    const pieces = outgoing.writePieces([bytes("1"), bytes("2")], 5);
    outgoing.write(bytes("3"));
    outgoing.swallow();
    outgoing.write(bytes("4"));
    outgoing.end();
    outgoing.finish();
    await pieces;
    assert.equal(outgoing.isFinishing, false);
    server.end("last");
    assert.equal(String(await client.all()), "1last");
  }));

test("finish() ends TCP and destroys the socket a second later if the client doesn't end its side", () =>
  withSocketPair(async ({ server, client }) => {
    const outgoing = new Outgoing(server, gone);
    outgoing.write(bytes("1"));
    outgoing.finish();
    outgoing.finish();
    assert.equal(outgoing.isFinishing, true);
    assert.equal(String(await client.all()), "1");
    assert.equal(server.destroyed, false);
    await once(server, "close");
  }));

test("flushed() rejects when the connection breaks before everything was taken", () =>
  withSocketPair(async ({ server, client }) => {
    const outgoing = new Outgoing(server, gone);
    client.socket.pause();
    outgoing.write(new Uint8Array(32 * 1024 * 1024));
    assert.ok(outgoing.waitingBytes > 0);
    const flushed = outgoing.flushed();
    server.destroy();
    await assert.rejects(flushed, { reason: "ended" });
    await assert.rejects(outgoing.flushed(), { reason: "ended" });
  }));
