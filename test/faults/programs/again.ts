/**
 * A program for memory.test.ts: plays the cells of one fault again and again, and prints what the heap holds, in bytes, after each round. Takes the
 * fault's name, the number of rounds and how often each cell is played in a round; run with --expose-gc.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { cellsOf, PHASES } from "../matrix.ts";
import { play } from "../play.ts";
import { openPorts } from "../ports.ts";

const [fault, rounds, times] = process.argv.slice(2);
const cells = PHASES.flatMap(cellsOf).filter((one) => one.fault === fault);
const closePorts = await openPorts();
const held: number[] = [];
for (let round = 0; round < Number(rounds); round += 1) {
  for (let time = 0; time < Number(times); time += 1) {
    for (const { phase, cell } of cells) await play(phase, cell);
  }
  for (let turn = 0; turn < 10; turn += 1) {
    await nextTurn();
    globalThis.gc?.();
  }
  held.push(process.memoryUsage().heapUsed + process.memoryUsage().external);
}
await closePorts();
console.log(JSON.stringify({ cells: cells.length, held }));
