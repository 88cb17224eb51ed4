/**
 * docs/fault-matrix.md, from test/faults: what a connection does about every fault in every phase, in the words that the tests hold it to.
 */
import type { Cell, Phase } from "../test/faults/cell.ts";
import { FAULTS } from "../test/faults/faults.ts";
import { cellsOf, PHASES, rowsOf } from "../test/faults/matrix.ts";

/** How a run of all cells went: the names of those that didn't hold. */
export type MatrixRun = { readonly failed: readonly string[] };

const HEAD = `# The fault matrix

<!-- Written by \`npm run faults\` from test/faults: don't edit it here. -->

Every fault, in every phase of a connection's life, and what everfresh does about it. Each cell is played by \`npm test\`: a real server, the
[fault proxy](testing.md) before it, and a connection on a [fake clock](testing.md) with its default timeouts.`;

const LEGEND = `## How to read it

A cell is what follows the fault, step by step: the callbacks with their arguments, in their order, and nothing but them.

| Step | Means |
|---|---|
| \`handleError KIND/PHASE/REASON\` | the callback, with status, closeCode and retryAfter (ms) where the error has them; the module ignores casting_failed, and else answers \`reconnect()\` |
| \`handleDisconnect CODE REASON\` | the callback; \`-\` is undefined |
| \`waits 125\` | so many ms until the next attempt: half of the ceiling, as each draw is 0.5 |
| \`at once\` | the next attempt begins without a wait |
| \`after 10000\` | nothing for 9999 ms, and what follows when all have passed |
| \`stays open\` | nothing has happened, and this is the status |
| \`handleControl ×9\`, \`loads ×9\` | so many pings; so many of the messages that had been sent or queued before come back |
| \`echo\` | a message that is sent now comes back: the connection works |
| \`replace() resolves\`, \`replace() rejects WHY\` | what the promise says |
| \`stop()\`, \`exit normal\` | is called; \`exited\` resolves with this reason |
| \`…\` | words that aren't ours, such as OpenSSL's |

After the last step the connection is stopped, if it hasn't ended. In each cell it is checked, too, that each attempt has ended exactly once, that
\`stats\` has counted attempts, opens, reconnects, replacements and dropped frames, that nothing comes after the exit, and that nothing is left: no socket, no
timer, no listener on the signal, no byte in a buffer.`;

export function faultMatrixPage({ failed }: MatrixRun): string {
  return `${[HEAD, summary(failed), LEGEND, ...PHASES.map(section)].join("\n\n")}\n`;
}

function summary(failed: readonly string[]): string {
  const pairs = PHASES.flatMap(rowsOf);
  const impossible = pairs.filter(({ cells }) => typeof cells === "string").length;
  const cells = PHASES.flatMap(cellsOf).length;
  const held =
    failed.length === 0
      ? "All held when this page was written."
      : `${failed.length} didn't hold when this page was written:\n\n${failed.map((name) => `- ${name}`).join("\n")}`;
  return `${PHASES.length} phases by ${Object.keys(FAULTS).length} faults make ${pairs.length} pairs. ${impossible} of them can't occur, and say why; the other ${
    pairs.length - impossible
  } are tried by ${cells} cells. ${held}`;
}

function section(phase: Phase): string {
  const rows = rowsOf(phase);
  const played = rows.flatMap(({ fault, cells }) =>
    typeof cells === "string"
      ? []
      : cells.map((cell) => `| ${FAULTS[fault]}${variantOf(cell)} | ${escaped(cell.outcome)} |`),
  );
  const reasons = new Map<string, string[]>();
  for (const { fault, cells } of rows) {
    if (typeof cells === "string") reasons.set(cells, [...(reasons.get(cells) ?? []), FAULTS[fault]]);
  }
  const impossible = [...reasons].map(([reason, faults]) => `- ${faults.join(", ")}: ${reason}.`);
  return [
    `## ${phase.name}`,
    `${capitalised(phase.about)}.`,
    ["| Fault | What follows |", "|---|---|", ...played].join("\n"),
    ...(impossible.length === 0 ? [] : ["Can't occur:", impossible.join("\n")]),
  ].join("\n\n");
}

function variantOf({ variant }: Cell): string {
  return variant === undefined ? "" : `, ${variant}`;
}

function capitalised(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

function escaped(text: string): string {
  return text.replaceAll("|", "\\|");
}
