import assert from "node:assert/strict";
import { test } from "node:test";
import { settingsOf } from "../../../src/protocol/deflate/options.ts";
import { DeflateSession } from "../../../src/protocol/deflate/session.ts";
import { SyncStream } from "../../../src/protocol/deflate/sync-stream.ts";
import type { PermessageDeflateOptions } from "../../../src/protocol/index.ts";
import { Collected } from "./collected.ts";

const AGREED = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
};

const session = (options: PermessageDeflateOptions = {}, agreed = AGREED, role: "client" | "server" = "client") =>
  new DeflateSession(settingsOf(options), { role, maxMessageSize: 1000, hibernates: true }, agreed);

const MESSAGE = { type: "text", compress: undefined } as const;
const FRAME = { type: "text", reservedBits: 0b100, first: true, final: true } as const;

test("messages shorter than the threshold go out as they are, and `compress` says otherwise for one", () => {
  const one = session({ threshold: 100 });
  assert.equal(one.encode(Buffer.alloc(99), MESSAGE), undefined);
  assert.equal(one.encode(Buffer.alloc(100), MESSAGE)?.reservedBits, 0b100);
  assert.equal(one.encode(Buffer.alloc(99), { ...MESSAGE, compress: true })?.reservedBits, 0b100);
  assert.equal(one.encode(Buffer.alloc(100), { ...MESSAGE, compress: false }), undefined);
  one.close();
});

test("an empty message goes out as it is, whatever is wanted", () => {
  assert.equal(session({ threshold: 0 }).encode(Buffer.alloc(0), { ...MESSAGE, compress: true }), undefined);
});

test("what zlib can't count goes out as it is, and coming in is too long", () => {
  const one = session();
  const ofLength = (length: number) => ({ length }) as Uint8Array;
  assert.equal(one.encode(ofLength(2 ** 31 + 1), { ...MESSAGE, compress: true }), undefined);
  assert.equal(one.decode(ofLength(2 ** 32), FRAME, new Collected())?.closeCode, 1009);
});

test("each role takes its own half of what was agreed on", () => {
  const agreed = { ...AGREED, clientNoContextTakeover: true, serverMaxWindowBits: 9 };
  const client = session({ threshold: 0 }, agreed, "client");
  const server = session({ threshold: 0 }, agreed, "server");
  const text = Buffer.from("a message that comes more than once, a message that comes more than once");
  const sizes = (from: DeflateSession, to: DeflateSession) =>
    [1, 2].map(() => {
      const made = from.encode(text, MESSAGE) ?? assert.fail();
      const output = new Collected();
      const length = made.data.length;
      assert.equal(to.decode(made.data, FRAME, output), undefined);
      assert.ok(output.bytes.equals(text));
      return length;
    });
  const [clientFirst, clientSecond] = sizes(client, server);
  assert.equal(clientFirst, clientSecond);
  const [serverFirst, serverSecond] = sizes(server, client);
  assert.ok((serverSecond as number) < (serverFirst as number) / 2);
  client.close();
  server.close();
});

test("hibernating and closing are allowed before anything was compressed", () => {
  const one = session();
  one.hibernate();
  one.close();
  one.close();
});

test("a window of 256 bytes is kept to, and one of 32 KiB used", () => {
  let noise = 1;
  const random = (length: number) =>
    Buffer.from(
      Array.from({ length }, () => {
        noise = (noise * 69069 + 1) >>> 0;
        return noise >>> 24;
      }),
    );
  const length = (bits: number, text: Buffer): number => {
    const one = session({ threshold: 0 }, { ...AGREED, clientMaxWindowBits: bits });
    const made = one.encode(Buffer.concat([text, text]), MESSAGE)?.data.length ?? assert.fail();
    one.close();
    return made;
  };
  assert.ok(length(8, random(400)) > 750);
  assert.ok(length(15, random(20_000)) < 21_000);
});

test("what didn't go out is referred to by nothing that does", () => {
  const client = session({ threshold: 0 });
  const server = session({ threshold: 0 }, AGREED, "server");
  const text = Buffer.from("a message that the other end never sees, but for its second time");
  assert.notEqual(client.encode(text, MESSAGE), undefined);
  client.unsent();
  const output = new Collected();
  assert.equal(server.decode(client.encode(text, MESSAGE)?.data ?? assert.fail(), FRAME, output), undefined);
  assert.ok(output.bytes.equals(text));
  client.close();
  server.close();
});

test("both halves hibernate, are closed, and keep their windows over a hibernation", () => {
  const [client, server] = [session({ threshold: 0 }), session({ threshold: 0 }, AGREED, "server")];
  const open = new Set<SyncStream>();
  const { write, close } = SyncStream.prototype;
  SyncStream.prototype.write = function (...written) {
    open.add(this);
    write.apply(this, written);
  };
  SyncStream.prototype.close = function () {
    open.delete(this);
    close.call(this);
  };
  try {
    const text = Buffer.from("a message that comes more than once, also behind a hibernation of both its ends");
    const sizes: number[] = [];
    for (let round = 0; round < 3; round++) {
      const { data } = client.encode(text, MESSAGE) ?? assert.fail();
      sizes.push(data.length);
      const output = new Collected();
      assert.equal(server.decode(data, FRAME, output), undefined);
      assert.ok(output.bytes.equals(text));
      const again = client.encode(text, MESSAGE) ?? assert.fail();
      assert.equal(server.decode(again.data, FRAME, new Collected()), undefined);
      assert.equal(open.size, 2);
      if (round === 2) break;
      client.hibernate();
      server.hibernate();
      assert.equal(open.size, 0);
    }
    assert.ok((sizes[1] as number) < 20 && (sizes[2] as number) < 20, sizes.join());
    client.close();
    server.close();
    assert.equal(open.size, 0);
  } finally {
    SyncStream.prototype.write = write;
    SyncStream.prototype.close = close;
  }
});
