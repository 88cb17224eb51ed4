/**
 * The fault matrix: every fault in every phase, each pair a cell, several cells, or the reason why it can't be.
 */
import type { Cell, Phase } from "./cell.ts";
import { FAULTS, type FaultName } from "./faults.ts";
import { CLOSED_BY_PEER } from "./phases/closed-by-peer.ts";
import { CLOSING } from "./phases/closing.ts";
import { CONNECT } from "./phases/connect.ts";
import { IDLE } from "./phases/idle.ts";
import { PREDECESSOR } from "./phases/predecessor.ts";
import { PROVIDER } from "./phases/provider.ts";
import { RECEIVING } from "./phases/receiving.ts";
import { RESOLVE } from "./phases/resolve.ts";
import { SENDING } from "./phases/sending.ts";
import { SUCCESSOR } from "./phases/successor.ts";
import { TLS } from "./phases/tls.ts";
import { ANSWERING, UPGRADE } from "./phases/upgrade.ts";
import { WAITING } from "./phases/waiting.ts";

/** In the order of a connection's life. */
export const PHASES: readonly Phase[] = [
  PROVIDER,
  RESOLVE,
  CONNECT,
  TLS,
  UPGRADE,
  ANSWERING,
  IDLE,
  RECEIVING,
  SENDING,
  CLOSING,
  CLOSED_BY_PEER,
  WAITING,
  SUCCESSOR,
  PREDECESSOR,
];

const FAULT_NAMES = Object.keys(FAULTS) as readonly FaultName[];

/** One thing to be tried; `name` is its fault, phase and variant. */
export type PlacedCell = {
  readonly fault: FaultName;
  readonly phase: Phase;
  readonly cell: Cell;
  readonly name: string;
};

/** The rows of a phase, in the order of the faults: its cells, or why there is none. */
export function rowsOf(
  phase: Phase,
): readonly { readonly fault: FaultName; readonly cells: readonly Cell[] | string }[] {
  return FAULT_NAMES.map((fault) => {
    const entry = phase.cells[fault];
    return { fault, cells: typeof entry === "string" ? entry : "outcome" in entry ? [entry] : entry };
  });
}

export function cellsOf(phase: Phase): readonly PlacedCell[] {
  return rowsOf(phase).flatMap(({ fault, cells }) =>
    typeof cells === "string"
      ? []
      : cells.map((cell) => {
          const variant = cell.variant === undefined ? "" : `, ${cell.variant}`;
          return { fault, phase, cell, name: `${FAULTS[fault]} × ${phase.name}${variant}` };
        }),
  );
}
