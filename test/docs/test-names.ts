/**
 * Is there a test of this name? Read from the sources of the tests: pages that name a test as their proof are held to it.
 */
import { existsSync, readFileSync } from "node:fs";
import ts from "typescript";
import { ROOT } from "./pages.ts";

type TestFile = {
  /** Every test behind its suites, joined by " > ", with "…" for what a loop fills in. */
  readonly names: readonly string[];
  /** The strings and numbers of the file, which loops fill in. */
  readonly literals: ReadonlySet<string>;
};

const read = new Map<string, TestFile>();

/**
 * Does the file at this path from the root hold this test, its name behind those of its suites, joined by " > "? What a loop fills in
 * may be spelt out, and must then stand in the file, or be "…". A test that is skipped, or still to be written, isn't there.
 */
export function hasTest(path: string, name: string): boolean {
  const { names, literals } = fileAt(path);
  return names.some((known) => {
    const fills = patternOf(known).exec(name)?.slice(1);
    return fills?.every((fill) => fill === "…" || literals.has(fill)) ?? false;
  });
}

function patternOf(name: string): RegExp {
  const parts = name.split("…").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("(.+?)")}$`, "s");
}

function fileAt(path: string): TestFile {
  const known = read.get(path) ?? readFile(`${ROOT}${path}`);
  read.set(path, known);
  return known;
}

function readFile(path: string): TestFile {
  const names: string[] = [];
  const literals = new Set<string>();
  const visit = (node: ts.Node, suites: readonly string[]): void => {
    if (ts.isStringLiteralLike(node) || ts.isNumericLiteral(node)) literals.add(node.text);
    const declared = ts.isCallExpression(node) ? declaredBy(node) : undefined;
    const within = declared === undefined ? suites : [...suites, declared.name];
    if (declared?.type === "test") names.push(within.join(" > "));
    ts.forEachChild(node, (child) => visit(child, within));
  };
  if (existsSync(path)) visit(ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest), []);
  return { names, literals };
}

/** What a call of test(), it(), t.test(), describe() or suite() declares. */
function declaredBy({
  expression,
  arguments: [title, ...rest],
}: ts.CallExpression): { readonly type: "test" | "suite"; readonly name: string } | undefined {
  const isSubtest = ts.isPropertyAccessExpression(expression) && expression.name.text === "test";
  const callee = isSubtest ? expression.name : expression;
  const name = title === undefined || rest.some(leavesOut) ? undefined : nameOf(title);
  if (name === undefined || !ts.isIdentifier(callee)) return undefined;
  if (/^(test|it)$/.test(callee.text)) return { type: "test", name };
  return /^(describe|suite)$/.test(callee.text) ? { type: "suite", name } : undefined;
}

function nameOf(title: ts.Expression): string | undefined {
  if (ts.isStringLiteralLike(title)) return title.text;
  if (!ts.isTemplateExpression(title)) return undefined;
  return [title.head.text, ...title.templateSpans.map(({ literal }) => literal.text)].join("…");
}

function leavesOut(option: ts.Expression): boolean {
  if (!ts.isObjectLiteralExpression(option)) return false;
  return option.properties.some(({ name }) => name && ts.isIdentifier(name) && /^(skip|todo)$/.test(name.text));
}
