/**
 * The live tree as lines for people. Whatever a peer or a user has a hand in is escaped here.
 */
import { escapeControls } from "../../escape.ts";
import { durationText } from "./duration.ts";
import type { Branch, ConnectionFacts } from "./tree.ts";

/** More children than this of one supervisor are summed up. */
export const SHOWN_CHILDREN = 50;
/** Of those that are summed up, so many are shown that aren't well. */
const SHOWN_UNWELL = 10;
/** Characters of an error. */
const SHOWN_ERROR = 200;

export function treeLines(root: Branch): readonly string[] {
  const title = root.children === undefined ? "the app" : "the supervisor";
  const name = root.id === "" ? title : `${title} ${escapeControls(root.id)}`;
  return [[name, ...factsOf(root)].join("  "), ...below(root, "")];
}

/** The lines of a branch's children. */
function below({ children = [] }: Branch, indent: string): readonly string[] {
  const many = children.length > SHOWN_CHILDREN;
  const shown = many ? children.filter(isUnwell).slice(0, SHOWN_UNWELL) : children;
  const summary = many ? [sum(children, shown.length)] : [];
  const rows = aligned(shown.map((branch) => [escapeControls(branch.id), ...factsOf(branch)]));
  return [
    ...summary.map((line) => `${indent}${shown.length === 0 ? "└─" : "├─"} ${line}`),
    ...shown.flatMap((branch, index) => {
      const isLast = index === shown.length - 1;
      return [
        `${indent}${isLast ? "└─" : "├─"} ${rows[index]}`,
        ...below(branch, `${indent}${isLast ? "   " : "│  "}`),
      ];
    }),
  ];
}

/** The columns that all have stand below each other: id, state, up, restarts. */
function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = [0, 1, 2, 3].map((column) => Math.max(0, ...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

function factsOf({ state, children, up, restarts, lastError, connection }: Branch): readonly string[] {
  const facts = [
    children === undefined ? state : `${state}, ${children.length} ${children.length === 1 ? "child" : "children"}`,
  ];
  facts.push(up === undefined ? "" : `up ${durationText(up)}`);
  facts.push(`restarts ${restarts}`);
  if (connection !== undefined) facts.push(...connectionFacts(connection));
  if (lastError !== undefined) {
    const ago = lastError.ago === undefined ? "" : ` ${durationText(lastError.ago)} ago`;
    facts.push(`last error${ago}: ${shortened(escapeControls(lastError.text))}`);
  }
  return facts;
}

function connectionFacts(connection: ConnectionFacts): readonly string[] {
  const { address, attempt, openFor, reconnects, rates, roundTrip, bufferedBytes, dropped } = connection;
  return [
    openFor === undefined ? `attempt ${attempt}` : `open for ${durationText(openFor)}`,
    `reconnects ${reconnects}`,
    `in ${rateText(rates.in)}`,
    `out ${rateText(rates.out)}`,
    ...(roundTrip === undefined ? [] : [`round trip ${Math.round(roundTrip)} ms`]),
    ...(bufferedBytes === 0 ? [] : [`unsent ${bufferedBytes} B`]),
    ...(dropped === 0 ? [] : [`dropped ${dropped}`]),
    ...(address === "" ? [] : [escapeControls(address)]),
  ];
}

/** "10000 children: 9990 open, 10 waiting  restarts 3  in 950/s  out 0/s  (2 that aren't well are shown)" */
function sum(children: readonly Branch[], shown: number): string {
  const states = new Map<string, number>();
  for (const { state } of children) states.set(state, (states.get(state) ?? 0) + 1);
  const total = (of: (branch: Branch) => number): number => children.reduce((sum, branch) => sum + of(branch), 0);
  const unwell = children.filter(isUnwell).length;
  return [
    `${children.length} children: ${[...states].map(([state, count]) => `${count} ${state}`).join(", ")}`,
    `restarts ${total(({ restarts }) => restarts)}`,
    `in ${rateText(total(({ connection }) => connection?.rates.in ?? 0))}`,
    `out ${rateText(total(({ connection }) => connection?.rates.out ?? 0))}`,
    ...(unwell === 0 ? [] : [`${unwell} not open, or restarted${unwell > shown ? `, ${shown} of them here` : ""}:`]),
  ].join("  ");
}

function isUnwell({ state, restarts }: Branch): boolean {
  return restarts > 0 || (state !== "open" && state !== "running");
}

function rateText(perSecond: number): string {
  return `${perSecond >= 10 || perSecond === 0 ? Math.round(perSecond) : perSecond.toFixed(1)}/s`;
}

function shortened(text: string): string {
  return text.length > SHOWN_ERROR ? `${text.slice(0, SHOWN_ERROR)}…` : text;
}
