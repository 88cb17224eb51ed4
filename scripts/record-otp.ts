/**
 * Records what the real supervisors do: invents sequences from a seed, runs them on Erlang/OTP's and Elixir's, three times over, and
 * writes those that came out the same each time to test/supervision/oracle/recorded.jsonl, for our supervisors to be held against.
 *
 *     npm run record:otp                 # the sequences that are in the repository
 *     npm run record:otp -- 99 2000 FILE # others, to look further: a seed, how many, and where to
 *
 * It needs Elixir 1.14 or later on OTP 24 or later.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inventSequences } from "../test/supervision/oracle/invent.ts";

const SCRIPT = fileURLToPath(new URL("record-otp.exs", import.meta.url));
const RECORDED = fileURLToPath(new URL("../test/supervision/oracle/recorded.jsonl", import.meta.url));
const TIMES = 3;

const [seed = "1", count = "600", file = RECORDED] = process.argv.slice(2);
const sequences = inventSequences(Number(seed), Number(count));
const folder = mkdtempSync(join(tmpdir(), "everfresh-otp-"));
try {
  const input = join(folder, "sequences");
  writeFileSync(input, sequences.map((sequence) => `${JSON.stringify(sequence)}\n`).join(""));
  const runs = Array.from({ length: TIMES }, () => runElixir(input));
  const lines: string[] = [];
  for (const [number, sequence] of sequences.entries()) {
    const [first, ...others] = runs.map((run) => run[number] as string);
    if (first === undefined || !others.every((other) => other === first)) {
      console.error(`Sequence ${number} came out differently, and is left out: ${JSON.stringify(sequence)}`);
      continue;
    }
    lines.push(`{"sequence":${JSON.stringify(sequence)},"events":${JSON.stringify(JSON.parse(first))}}\n`);
  }
  writeFileSync(file, lines.join(""));
  console.log(`${lines.length} of ${sequences.length} sequences are in ${file}.`);
} finally {
  rmSync(folder, { recursive: true });
}

function runElixir(input: string): readonly string[] {
  // One scheduler, so that what ends one after the other is heard of in that order.
  const { error, status, stdout, stderr } = spawnSync("elixir", ["--erl", "+S 1", SCRIPT, input], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (error !== undefined) {
    throw new Error(
      "There is no elixir to ask. Install it (Debian, Ubuntu: apt-get install elixir), and run this again.",
      {
        cause: error,
      },
    );
  }
  if (status !== 0) throw new Error(`elixir ended with ${status}:\n${stderr}`);
  return stdout.trimEnd().split("\n");
}
