import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Deflater } from "../../../src/protocol/deflate/deflate-data.ts";
import { StreamDeflater } from "../../../src/protocol/deflate/deflater.ts";
import { StreamInflater } from "../../../src/protocol/deflate/inflater.ts";
import { OneShotDeflater } from "../../../src/protocol/deflate/one-shot.ts";
import { type DeflateSettings, SyncStream } from "../../../src/protocol/deflate/sync-stream.ts";
import { Collected } from "./collected.ts";
import { referenceInflate } from "./reference-inflate.ts";

type Make = (settings: DeflateSettings, takeover: boolean) => Deflater;

const WAYS: readonly (readonly [name: string, make: Make])[] = [
  ["streaming", (settings, takeover) => new StreamDeflater(settings, { takeover, hibernates: true })],
  ["one shot", (settings, takeover) => new OneShotDeflater(settings, takeover)],
];

const DEFAULT: DeflateSettings = { windowBits: 15, level: 3, memLevel: 8 };

function inflated(inflater: StreamInflater, payload: Uint8Array): string {
  const output = new Collected();
  assert.equal(inflater.decode(payload, true, output), undefined);
  return output.text;
}

const messages = fc.array(
  fc.record({
    words: fc.array(fc.constantFrom("alpha", "beta", "gamma", '{"price":', "\u{1f600}", "0123456789".repeat(30)), {
      minLength: 1,
      maxLength: 300,
      size: "max",
    }),
    hibernates: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8 },
);

for (const [name, make] of WAYS) {
  test(`${name}: what goes in comes out, with every setting, and hibernation between messages changes nothing`, () => {
    fc.assert(
      fc.property(
        fc.record({
          windowBits: fc.integer({ min: 9, max: 15 }),
          level: fc.integer({ min: 0, max: 9 }),
          memLevel: fc.integer({ min: 1, max: 9 }),
        }),
        fc.boolean(),
        messages,
        (settings, takeover, all) => {
          const deflater = make(settings, takeover);
          const inflater = new StreamInflater(settings.windowBits, takeover);
          for (const { words, hibernates } of all) {
            const message = words.join("");
            const payload = deflater.encode(Buffer.from(message));
            if (payload !== undefined) assert.equal(inflated(inflater, payload), message);
            else assert.equal(takeover, false);
            if (hibernates) deflater.hibernate();
          }
          deflater.close();
          inflater.close();
        },
      ),
      { numRuns: 150 },
    );
  });

  test(`${name}: nothing refers back by more than 256 bytes where 8 window bits are agreed on, although zlib works with 9`, () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        // Repetitions at every distance around a window of 256.
        fc.array(fc.tuple(fc.integer({ min: 1, max: 600 }), fc.string({ minLength: 3, maxLength: 40 })), {
          maxLength: 20,
        }),
        (level, memLevel, parts) => {
          const deflater = make({ windowBits: 9, level, memLevel }, true);
          let window = new Uint8Array(0);
          let noise = 1;
          for (const [gap, words] of parts) {
            const between = Buffer.alloc(gap);
            for (let at = 0; at < gap; at++) {
              noise = (noise * 69069 + 1) >>> 0;
              between[at] = noise >>> 24;
            }
            const message = Buffer.concat([Buffer.from(words), between, Buffer.from(words)]);
            const payload = Buffer.concat([deflater.encode(message) ?? assert.fail(), Buffer.from([0, 0, 0xff, 0xff])]);
            const { data, farthest } = referenceInflate(payload, window);
            assert.deepEqual(Buffer.from(data), message);
            assert.ok(farthest <= 256, `${farthest}`);
            window = Buffer.concat([window, message]).subarray(-1024);
          }
          deflater.close();
        },
      ),
      { numRuns: 300 },
    );
  });

  test(`${name}: with takeover a message that was there before costs a few bytes, also after hibernation`, () => {
    const deflater = make(DEFAULT, true);
    const message = Buffer.from("a message that is not the first of its kind, 0123456789");
    const first = deflater.encode(message)?.length ?? 0;
    assert.ok(first > 40);
    assert.ok((deflater.encode(message)?.length ?? 100) < 12);
    deflater.hibernate();
    assert.ok((deflater.encode(message)?.length ?? 100) < 12);
  });

  test(`${name}: without takeover what would be no shorter stays as it is, and messages know nothing of each other`, () => {
    const deflater = make(DEFAULT, false);
    assert.equal(deflater.encode(Buffer.from("abc")), undefined);
    const message = Buffer.from("again and again and again");
    const first = Buffer.from(deflater.encode(message) ?? assert.fail());
    assert.deepEqual(deflater.encode(message), first);
  });

  test(`${name}: a message that can't be compressed, of any size, goes through`, () => {
    for (const size of [1, 100, 65_000, 66_000, 1_000_000]) {
      const noise = Buffer.from(Array.from({ length: size }, (_, at) => (Math.imul(at + 1, 2654435761) >>> 13) & 0xff));
      for (const memLevel of [1, 9]) {
        const deflater = make({ ...DEFAULT, memLevel }, true);
        const output = new Collected();
        assert.equal(
          new StreamInflater(15, true).decode(deflater.encode(noise) ?? assert.fail(), true, output),
          undefined,
        );
        assert.ok(output.bytes.equals(noise));
        deflater.close();
      }
    }
  });
}

test("streaming: without takeover all connections of a kind share one stream", () => {
  const made: SyncStream[] = [];
  const original = SyncStream.deflate;
  SyncStream.deflate = (settings) => {
    const stream = original(settings);
    made.push(stream);
    return stream;
  };
  try {
    const settings = { windowBits: 14, level: 2, memLevel: 7 };
    for (let count = 0; count < 100; count++) {
      new StreamDeflater(settings, { takeover: false, hibernates: false }).encode(Buffer.alloc(1000));
    }
    assert.ok(made.length <= 1);
  } finally {
    SyncStream.deflate = original;
  }
});

test("streaming: a message that zlib fails on leaves no stream that knows of it", () => {
  const { write, close } = SyncStream.prototype;
  for (const takeover of [true, false]) {
    const deflater = new StreamDeflater({ ...DEFAULT, windowBits: 13 }, { takeover, hibernates: true });
    const inflater = new StreamInflater(13, takeover);
    const message = "a message that both know, a message that both know, and that may be referred to";
    assert.equal(inflated(inflater, deflater.encode(Buffer.from(message)) ?? assert.fail()), message);
    let closed = 0;
    SyncStream.prototype.write = function (...written) {
      write.apply(this, written);
      throw new Error("no memory");
    };
    SyncStream.prototype.close = function () {
      closed++;
      close.call(this);
    };
    try {
      assert.throws(() => deflater.encode(Buffer.from("a message that only one knows of")), /no memory/);
    } finally {
      SyncStream.prototype.write = write;
      SyncStream.prototype.close = close;
    }
    assert.equal(closed, 1);
    const next = "a message that only one knows of, which it now says again, and again, and again";
    assert.equal(inflated(inflater, deflater.encode(Buffer.from(next)) ?? assert.fail()), next);
    deflater.close();
  }
});

test("streaming: without takeover connections with other settings share no stream", () => {
  const message = Buffer.from("0123456789".repeat(100));
  const length = (level: number) =>
    new StreamDeflater({ ...DEFAULT, level }, { takeover: false, hibernates: false }).encode(message)?.length ?? 1000;
  assert.equal(length(0), 1000);
  assert.ok(length(9) < 100);
  assert.equal(length(0), 1000);
});
