/**
 * docs/errors.md has every kind of error and every reason that the sources give, and no other.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import ts from "typescript";
import { ERROR_KINDS, type FreshErrorKind } from "../../src/connection/errors.ts";
import * as everfresh from "../../src/index.ts";
import { pageAt, ROOT } from "./pages.ts";

/** What of the sources makes the errors that handleError gets. */
const SOURCES = ["src/frame.ts", ...["src/protocol", "src/transport", "src/connection"].flatMap(filesIn)];
/** Functions that make an error out of a reason: name → which argument it is. */
const MAKERS: Readonly<Record<string, number>> = {
  answerRefused: 0,
  requestFailure: 0,
  providerError: 1,
  violation: 0,
};
/** Tables of reasons. Of the first the values are reasons, of the others the keys. */
const TABLES = ["REASONS", "CONNECTING", "ANSWERING", "LOST"];
/** Exit reasons and close reasons are called `reason` too. */
const NO_REASON_OF_AN_ERROR = new Set(["killed", "normal", "shutdown"]);

const page = pageAt("docs/errors.md").lines;
const text = page.join("\n");

test("every reason that the sources give is documented", () => {
  const given = new Set(SOURCES.flatMap(reasonsIn));
  assert.ok(given.size > 50, `only ${given.size} reasons were found`);
  for (const one of ["pong_timeout", "lone_surrogate", "invalid_utf8", "too_many_headers", "extensions", "refused"]) {
    assert.ok(given.has(one), `${one} was not found in the sources`);
  }
  const documented = documentedReasons();
  assert.deepEqual(
    [...given].filter((reason) => !documented.has(reason)),
    [],
  );
});

test("no reason is documented that the sources don't give", () => {
  const given = new Set(SOURCES.flatMap(reasonsIn));
  assert.deepEqual(
    [...documentedReasons()].filter((reason) => !given.has(reason)),
    [],
  );
});

test("every kind has its chapter and stands in the table, which says whether the attempt is over", () => {
  for (const [kind, { terminal }] of Object.entries(ERROR_KINDS) as [FreshErrorKind, { terminal: boolean }][]) {
    assert.ok(page.includes(`### ${kind}`), `${kind} has no chapter`);
    const row = page.find((line) => line.startsWith(`| [${kind}](#${kind}) |`));
    assert.match(row ?? "", terminal ? /\| yes \|$/ : /\| no(;.*)? \|$/, kind);
  }
});

test("every error class that everfresh exports is on the page", () => {
  const classes = Object.keys(everfresh).filter((name) => name.endsWith("Error"));
  assert.ok(classes.length >= 8);
  assert.deepEqual(
    classes.filter((name) => !text.includes(`\`${name}\``)),
    [],
  );
});

/** The first cells of the tables of reasons, of all eight kinds. */
function documentedReasons(): ReadonlySet<string> {
  const chapters = text.slice(text.indexOf("### connecting_failed"), text.indexOf("## What calls throw"));
  return new Set([...chapters.matchAll(/^\| `([a-z0-9_]+)` \|/gm)].map(([, reason]) => reason as string));
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `${folder}/${name}`);
}

/** Every string literal of a file that is an error's reason by the place where it stands. */
function reasonsIn(path: string): readonly string[] {
  const source = ts.createSourceFile(path, readFileSync(`${ROOT}${path}`, "utf8"), ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const literalsBelow = (node: ts.Node): void => {
    if (ts.isStringLiteral(node)) found.push(node.text);
    ts.forEachChild(node, literalsBelow);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isTypeAliasDeclaration(node) && node.name.text.endsWith("Reason")) literalsBelow(node.type);
    if (ts.isPropertySignature(node) && node.name.getText() === "reason" && node.type) literalsBelow(node.type);
    if (ts.isPropertyAssignment(node) && node.name.getText() === "reason") literalsBelow(node.initializer);
    if (ts.isCallExpression(node)) {
      const argument = node.arguments[MAKERS[node.expression.getText()] ?? Number.POSITIVE_INFINITY];
      if (argument !== undefined) literalsBelow(argument);
    }
    if (ts.isVariableDeclaration(node)) {
      if (node.name.getText() === "reason" && node.initializer) reasonVariable(node.initializer);
      if (TABLES.includes(node.name.getText()) && node.initializer) table(node.initializer);
    }
    ts.forEachChild(node, visit);
  };
  // `const reason = condition ? "a" : "b"`: the branches, not what the condition compares with.
  const reasonVariable = (node: ts.Expression): void => {
    if (!ts.isConditionalExpression(node)) return;
    for (const branch of [node.whenTrue, node.whenFalse]) {
      if (ts.isStringLiteral(branch)) found.push(branch.text);
      else reasonVariable(branch);
    }
  };
  const table = (node: ts.Expression): void => {
    if (ts.isObjectLiteralExpression(node)) {
      for (const { name } of node.properties) if (name && ts.isIdentifier(name)) found.push(name.text);
    } else if (ts.isNewExpression(node)) {
      for (const pairs of node.arguments ?? []) {
        if (!ts.isArrayLiteralExpression(pairs)) continue;
        for (const pair of pairs.elements) {
          const value = ts.isArrayLiteralExpression(pair) ? pair.elements[1] : undefined;
          if (value && ts.isStringLiteral(value)) found.push(value.text);
        }
      }
    }
  };
  visit(source);
  // What an error without a code is called, at the end of an expression that reads like no other.
  if (source.text.includes('"unknown"')) found.push("unknown");
  return found.filter((reason) => /^[a-z][a-z0-9_]+$/.test(reason) && !NO_REASON_OF_AN_ERROR.has(reason));
}
