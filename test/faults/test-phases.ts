/** One test a cell, named by the cell and what follows. The cells of a file are played one after the other: each looks at what its process has open. */
import { after, before, test } from "node:test";
import type { Phase } from "./cell.ts";
import { cellsOf } from "./matrix.ts";
import { play } from "./play.ts";
import { openPorts } from "./ports.ts";

export function testPhases(...phases: readonly Phase[]): void {
  let closePorts: () => Promise<void>;
  before(async () => {
    closePorts = await openPorts();
  });
  after(() => closePorts());
  for (const { name, phase, cell } of phases.flatMap(cellsOf))
    test(`${name}: ${cell.outcome}`, () => play(phase, cell));
}
