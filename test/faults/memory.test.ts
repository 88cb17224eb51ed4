/**
 * The heap after cells have been played again and again, in a process of its own: what a connection keeps of those before it would add up. A connection
 * that is kept whole takes more than 5 KiB, its server's and its proxy's part not counted.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const PROGRAM = fileURLToPath(new URL("programs/again.ts", import.meta.url));
const FLAGS = ["--expose-gc", "--conditions=everfresh-source", "--import", import.meta.resolve("tsx")];
const ROUNDS = 4;
const TIMES = 4;
/** Bytes a cell. Code that is compiled later, and the like, takes some hundred. */
const MOST = 4096;

test("the heap is flat over rounds of all cells of a fault", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [...FLAGS, PROGRAM, "fin", `${ROUNDS}`, `${TIMES}`], {
    timeout: 55_000,
  });
  const { cells, held } = JSON.parse(stdout) as { readonly cells: number; readonly held: readonly number[] };
  // The first rounds load and compile.
  const growth = (held.at(-1) ?? 0) - (held[1] ?? 0);
  assert.ok(cells > 10);
  assert.ok(growth <= MOST * cells * TIMES * (ROUNDS - 2), `${growth} bytes; after each round ${held.join(", ")}`);
});
