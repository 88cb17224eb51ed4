/**
 * Published advisories about messages, replayed against our client and, where they were about servers, against the scripted one. Each test
 * is named after those that it replays.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import { ignore, type Options, permessageDeflate } from "../../src/index.ts";
import { accepting, type Peer, rawFrame, TestServer } from "../../src/testing/index.ts";
import { launch, Recorder } from "../fresh/fixtures.ts";
import { concat, frame, opcodes, type WireFrame } from "../protocol/wire.ts";
import { REQUEST } from "../testing/raw-client.ts";
import { assertViolation, attack, attackServer, attackWith } from "./attack.ts";

const MiB = 1024 * 1024;
const DEFLATE: Options<null> = { upgradeOptions: { extensions: [permessageDeflate()] } };
const DEFLATE_REQUEST = REQUEST.replace(/\r\n$/, "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n");
const MASK = Uint8Array.of(1, 2, 3, 4);

const compressed = (data: Uint8Array): Buffer =>
  deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);

/** Agrees to compression, whatever then comes. */
const deflating = (run: (peer: Peer) => void) => accepting(run, { extensions: "permessage-deflate" });

test("CVE-2026-1526, CVE-2018-1000518: a compressed message is inflated to the limit and no further, also to the default one", async () => {
  const payload = compressed(Buffer.alloc(256 * MiB));
  const outcome = await attack(
    deflating((peer) => peer.sendRaw(rawFrame({ opcode: "binary", rsv: 4, payload }))),
    DEFLATE,
  );
  assertViolation(outcome, 1009, "message_too_long");
  assert.ok(outcome.cost < 20 * MiB, `${outcome.cost} bytes`);

  const { arrayBuffers: before } = process.memoryUsage();
  const bytes = frame({ opcode: opcodes.binary, reserved: 4, payload, mask: MASK });
  const reason = await attackServer(bytes, { extensions: [permessageDeflate()] }, DEFLATE_REQUEST);
  assert.equal(reason, "message_too_long");
  const cost = process.memoryUsage().arrayBuffers - before;
  assert.ok(cost < 20 * MiB, `${cost} bytes`);
});

test("nodejs/undici#4899, nodejs/undici#5428: one limit holds for plain, fragmented and compressed messages", async () => {
  const maxMessageSize = 1000;
  const plain = rawFrame({ opcode: "text", length: 1001 });
  const fragments = concat(
    rawFrame({ opcode: "text", fin: false, payload: "x".repeat(900) }),
    rawFrame({ opcode: "ping" }),
    rawFrame({ opcode: "continuation", length: 101 }),
  );
  for (const bytes of [plain, fragments]) {
    // Refused at the header: not a byte of what would be too much has come.
    assertViolation(await attackWith(bytes, { maxMessageSize }), 1009, "message_too_long");
  }
  const payload = compressed(Buffer.alloc(1001));
  for (const cut of [payload.length, 3]) {
    const bytes = concat(
      rawFrame({ opcode: "binary", rsv: 4, fin: cut === payload.length, payload: payload.subarray(0, cut) }),
      rawFrame({ opcode: "continuation", payload: payload.subarray(cut) }),
    );
    const outcome = await attack(
      deflating((peer) => peer.sendRaw(bytes)),
      { ...DEFLATE, maxMessageSize },
    );
    assertViolation(outcome, 1009, "message_too_long");
  }
});

test("CVE-2026-1528: a 64-bit length, however large, is read exactly and refused, and nothing is thrown", async () => {
  const tooLong = [
    2n ** 24n + 1n,
    2n ** 31n,
    2n ** 32n,
    2n ** 32n + 1n,
    2n ** 53n - 1n,
    2n ** 53n + 1n,
    2n ** 63n - 1n,
  ];
  const impossible = [2n ** 63n, 2n ** 63n + 5n, 2n ** 64n - 1n];
  for (const length of [...tooLong, ...impossible]) {
    const reason = tooLong.includes(length) ? "message_too_long" : "length_top_bit";
    const bytes = rawFrame({ opcode: "binary", length, lengthEncoding: "64-bit" });
    const outcome = await attackWith(bytes);
    assertViolation(outcome, reason === "message_too_long" ? 1009 : 1002, reason);
    if (reason === "message_too_long") assert.ok(outcome.error.message.includes(`${length} bytes`));
    const masked = frame({ opcode: opcodes.binary, claimed: length, lengthBits: 64, mask: MASK });
    assert.equal(await attackServer(masked), reason);
  }
});

test("CVE-2020-27813: no length of a fragment wraps the sum, and control frames don't get round the limit", async () => {
  for (const [claimed, reason] of [
    [2n ** 63n - 1n, "message_too_long"],
    [2n ** 64n - 2n, "length_top_bit"],
    [2n ** 32n - 2n, "message_too_long"],
  ] as const) {
    const frames: readonly WireFrame[] = [
      { opcode: opcodes.binary, final: false, payload: new Uint8Array(2) },
      { opcode: opcodes.ping, payload: new Uint8Array(125) },
      { opcode: opcodes.continuation, claimed, lengthBits: 64 },
    ];
    const outcome = await attackWith(concat(...frames.map(frame)), { maxMessageSize: 1000 });
    assertViolation(outcome, reason === "length_top_bit" ? 1002 : 1009, reason);
    const masked = concat(...frames.map((one) => frame({ ...one, mask: MASK })));
    assert.equal(await attackServer(masked, { maxMessageSize: 1000 }), reason);
  }
  for (const opcode of ["ping", "pong", "close"] as const) {
    const bytes = rawFrame({ opcode, length: 2n ** 40n, lengthEncoding: "64-bit" });
    assertViolation(await attackWith(bytes), 1002, "control_too_long");
  }
});

test("CVE-2026-48779, websockets/ws#2331: a message in tiny fragments and chunks ends at 1024 fragments by default, and costs its bytes until then", async () => {
  const fragments = concat(
    rawFrame({ opcode: "text", fin: false, payload: "x" }),
    ...new Array<Uint8Array>(1023).fill(rawFrame({ opcode: "continuation", fin: false, payload: "x" })),
  );
  const whole = concat(fragments.subarray(0, -3), rawFrame({ opcode: "continuation", payload: "x" }));
  const outcome = await attack(
    accepting(async (peer) => {
      // As many as are allowed make a message. Then comes one more, the end of it a byte at a time.
      peer.sendRaw(concat(whole, fragments.subarray(0, -200)));
      await peer.sendInPieces(concat(fragments.subarray(-200), Uint8Array.of(0x80)), 1, 0);
    }),
  );
  assertViolation(outcome, 1009, "too_many_fragments");
  assert.ok(outcome.cost < MiB, `${outcome.cost} bytes`);
  const masked = Array.from({ length: 1025 }, (_, index) =>
    frame({ opcode: index === 0 ? opcodes.text : opcodes.continuation, final: false, mask: MASK }),
  );
  assert.equal(await attackServer(concat(...masked)), "too_many_fragments");
});

test("CVE-2026-45736, GHSA-2mhh-w6q8-5hxw: a number or a typed array is never taken for a length, and no memory goes out for it", async () => {
  await using server = await TestServer.start();
  const recorder = new Recorder<null>({ handleError: () => ignore(null) });
  await using connection = launch(server, recorder, null);
  await connection.opened();
  const lengths = [
    2000,
    0,
    -1,
    2 ** 40,
    1.5,
    Number.NaN,
    new Uint16Array([300]),
    new Float64Array(2),
    new ArrayBuffer(50),
  ];
  const values = [...lengths, new DataView(new ArrayBuffer(50)), { length: 1000 }, { byteLength: 1000 }, [1, 2], null];
  for (const value of values) {
    const frames = [
      value,
      { type: "text", data: value },
      { type: "binary", data: value },
      { type: "ping", data: value },
      { type: "pong", data: value },
      { type: "close", code: 1000, reason: value },
      { type: "close", code: value, reason: "" },
    ];
    for (const one of frames) {
      try {
        connection.send(one as never);
      } catch (error) {
        assert.match(String(error), /TypeError/);
      }
    }
  }
  connection.send("the end");
  const { given } = await recorder.call("handleIn");
  assert.equal((given[0] as { data: string }).data, "the end");
  const [peer] = server.connections;
  assert.deepEqual(
    peer?.received.map((received) => ("data" in received ? received.data : received.type)),
    ["the end"],
  );
  for (const call of recorder.all("handleError")) assert.equal(call.given[0].kind, "encoding_failed");
});
