/** docs/fault-matrix.md is what the cells say, and was written by a run in which all of them held. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { faultMatrixPage } from "../../scripts/fault-matrix-page.ts";
import { cellsOf, PHASES } from "../faults/matrix.ts";
import { ROOT } from "./pages.ts";

test("docs/fault-matrix.md is what the matrix says, and all of it held: if not, run npm run faults", () => {
  assert.equal(readFileSync(`${ROOT}docs/fault-matrix.md`, "utf8"), faultMatrixPage({ failed: [] }));
});

test("each cell has a name of its own", () => {
  const names = PHASES.flatMap(cellsOf).map(({ name }) => name);
  assert.deepEqual(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
  );
});

test("every phase is played by a test file", () => {
  const files = ["connecting", "upgrading", "open", "closing", "replacing"].map((file) =>
    readFileSync(`${ROOT}test/faults/${file}.test.ts`, "utf8"),
  );
  const played = files.flatMap((text) => (/testPhases\((.*)\)/.exec(text)?.[1] ?? "").split(", "));
  assert.equal(new Set(played).size, PHASES.length);
});
