/**
 * Plays every cell of the fault matrix and writes docs/fault-matrix.md, with how it went: `npm run faults`. The exit code is 1 when a cell didn't hold.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { cellsOf, PHASES } from "../test/faults/matrix.ts";
import { play } from "../test/faults/play.ts";
import { openPorts } from "../test/faults/ports.ts";
import { faultMatrixPage } from "./fault-matrix-page.ts";

const cells = PHASES.flatMap(cellsOf);
const failed: string[] = [];
const started = performance.now();
const closePorts = await openPorts();
for (const { name, phase, cell } of cells) {
  try {
    await play(phase, cell);
  } catch (error) {
    failed.push(name);
    console.error(`${name}: ${cell.outcome}\n${error instanceof Error ? error.message : String(error)}\n`);
  }
}
await closePorts();
writeFileSync(fileURLToPath(new URL("../docs/fault-matrix.md", import.meta.url)), faultMatrixPage({ failed }));
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(`${cells.length - failed.length} cells held, ${failed.length} didn't, in ${seconds} s`);
process.exitCode = failed.length === 0 ? 0 : 1;
