/**
 * The fuzzer itself, and a short run of it: the whole corpus and some thousand inputs for each target, the same each time. Long runs are
 * `npm run fuzz -- --minutes N`.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { hex, utf8 } from "../protocol/wire.ts";
import { corpora, seedAt, seedsOf } from "./corpus.ts";
import { FRAME_MUTATORS } from "./frame-mutation.ts";
import { fuzz, tryInput } from "./fuzzing.ts";
import { HEAD_MUTATORS } from "./message-head.ts";
import { type Mutator, mutated } from "./mutation.ts";
import { Random } from "./random.ts";
import { shrink } from "./shrink.ts";
import type { Target } from "./target.ts";
import { TARGETS } from "./targets.ts";

/** Executions of a short run: fewer where each takes longer, so that all of it is a matter of some ten seconds. */
const EXECUTIONS = 4000;
const FEWER: Readonly<Record<string, number>> = {
  "client-decoder": 2000,
  "server-decoder": 2000,
  "client-decoder-deflated": 1000,
  "server-decoder-deflated": 1000,
  "deflate-conversation": 600,
};
const SEED = 20_26;

describe("a short run of the fuzzer", () => {
  for (const target of TARGETS) {
    const limit = FEWER[target.name] ?? EXECUTIONS;
    it(`finds nothing in ${target.name}: its corpus, and ${limit} inputs made from it`, async () => {
      const { executions, finding } = await fuzz(target, SEED, (done) => done < limit);
      if (finding !== undefined) {
        const input = Buffer.from(finding.input).toString("hex");
        throw new Error(`${target.name} fails on ${input}: npm run fuzz -- --target ${target.name} keeps it.`, {
          cause: finding.error,
        });
      }
      assert.ok(executions >= limit);
    });
  }
});

describe("the corpus", () => {
  it("has seeds in every folder, and a target for each", () => {
    assert.deepEqual([...new Set(TARGETS.map(({ corpus }) => corpus))].sort(), corpora());
    for (const corpus of corpora()) assert.ok(seedsOf(corpus).length > 0, corpus);
  });

  for (const target of TARGETS.filter(({ name }) => name.includes("-decoder"))) {
    it(`calls a stream to the ${target.name} a violation when it is one`, async () => {
      for (const { name, bytes } of seedsOf(target.corpus)) {
        if (name.startsWith("finding-")) continue;
        const answer = await tryInput(target, bytes);
        assert.equal(answer.includes("violation:"), name.startsWith("violation-"), `${name}: ${answer}`);
      }
    });
  }

  it("calls heads of handshakes what they are", async () => {
    for (const name of ["handshake-answer", "handshake-request"]) {
      const target = TARGETS.find((one) => one.name === name) as Target;
      for (const seed of seedsOf(name)) {
        if (!/^(accepted|refused|violation)-/.test(seed.name)) continue;
        const answer = await tryInput(target, seed.bytes);
        assert.equal(answer.startsWith("accepted"), seed.name.startsWith("accepted"), seed.name);
      }
    }
  });
});

describe("the fuzzer", () => {
  const folder = mkdtempSync(join(tmpdir(), "everfresh-fuzz-"));
  after(() => rmSync(folder, { recursive: true }));

  /** Fails on two bytes in a row that no seed has, and says of all else how long it is. */
  const planted: Target = {
    name: "planted",
    corpus: "to-client",
    mutators: FRAME_MUTATORS,
    check(input) {
      if (Buffer.from(input).includes(Buffer.from([0x8b, 0x7f]))) throw new Error("the planted fault");
      return String(input.length);
    },
  };

  it("finds a fault, makes its input as small as it can be, and does the same again for the same seed", async () => {
    const [one, other] = [await fuzz(planted, 1, () => true), await fuzz(planted, 1, () => true)];
    assert.deepEqual(one.finding?.input, Uint8Array.of(0x8b, 0x7f));
    assert.match(String(one.finding?.error), /the planted fault/);
    assert.equal(other.executions, one.executions);
    assert.notEqual((await fuzz(planted, 2, () => true)).executions, one.executions);
  });

  it("keeps inputs whose answer is new, and goes on from them", async () => {
    // Three steps from any seed, each of which has an answer of its own: blind, nobody gets there.
    const word = hex("7d 7e 7f");
    const stepwise: Target = {
      name: "stepwise",
      corpus: "retry-after",
      check(input) {
        let length = word.length;
        while (Buffer.from(input).indexOf(word.subarray(0, length)) === -1) length--;
        if (length === word.length) throw new Error("found");
        return String(length);
      },
    };
    const { finding } = await fuzz(stepwise, 1, (executions) => executions < 300_000);
    assert.deepEqual(finding?.input, word);
  });

  it("makes of a seed what is another input nearly each time, by every mutator, and never grows it without end", () => {
    const frames = hex("81 85 37 fa 21 3d 7f 9f 4d 51 58 89 80 00 00 00 00");
    const lines = utf8("GET / HTTP/1.1\r\na: b\r\nc: d");
    const cases: readonly (readonly [readonly Mutator[], Uint8Array])[] = [
      [[], frames],
      [FRAME_MUTATORS, frames],
      [HEAD_MUTATORS, lines],
    ];
    for (const [mutators, seed] of cases) {
      const random = new Random(7);
      const before = seed.slice();
      const other = utf8("x: y\r\n\x81");
      const seen = new Set<string>();
      for (let round = 0; round < 1000; round++) {
        seen.add(Buffer.from(mutated(seed, other, random, mutators)).toString("hex"));
      }
      assert.ok(seen.size > 500, `${seen.size} inputs of 1000`);
      for (const mutate of mutators) {
        const changed = Array.from({ length: 50 }, () => mutate(seed, random, other));
        assert.ok(
          changed.some((one) => Buffer.compare(one, seed) !== 0),
          `mutator ${mutators.indexOf(mutate)}`,
        );
      }
      assert.deepEqual(seed, before, "a mutator wrote into its seed");
      let grown: Uint8Array = seed;
      for (let round = 0; round < 3000; round++) grown = mutated(grown, grown, random, mutators);
      assert.ok(grown.length <= 4096, `${grown.length} bytes`);
    }
  });

  it("keeps an input from which its check doesn't come back, and ends the process", async () => {
    const flags = ["--conditions=everfresh-source", "--import", import.meta.resolve("tsx")];
    const program = fileURLToPath(new URL("hanging.ts", import.meta.url));
    const child = spawn(process.execPath, [...flags, program, folder], { stdio: ["ignore", "ignore", "pipe"] });
    const [said, [, signal]] = await Promise.all([text(child.stderr), once(child, "exit")]);
    assert.equal(signal, "SIGKILL");
    const path = /kept as (.*)\.\n$/.exec(said)?.[1] ?? said;
    assert.deepEqual(new Uint8Array(readFileSync(path)), Uint8Array.of(3, 7));
  });

  it("takes no bytes for an input too", () => {
    for (const mutators of [[], FRAME_MUTATORS, HEAD_MUTATORS]) {
      const random = new Random(3);
      const nothing = new Uint8Array(0);
      for (let round = 0; round < 300; round++) mutated(nothing, nothing, random, mutators);
    }
  });

  it("reads a kept input by its path, with the corpus that its folder names", () => {
    const path = join(folder, "seed.bin");
    writeFileSync(path, Uint8Array.of(1, 2));
    assert.deepEqual({ ...seedAt(path), corpus: "" }, { name: "seed.bin", bytes: Uint8Array.of(1, 2), corpus: "" });
    assert.ok(folder.endsWith(seedAt(path).corpus));
  });

  it("stops shrinking when it has tried often enough", async () => {
    let tries = 0;
    const fails = async (): Promise<boolean> => tries++ < 0;
    assert.equal((await shrink(new Uint8Array(5000), fails, 10)).length, 5000);
    assert.equal(tries, 10);
  });
});
