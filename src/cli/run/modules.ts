/**
 * The files of a project that an app is made of: its own and, through their imports, every other outside of node_modules.
 *
 * Read from the text of the imports, so it works for whatever loads them, and before the app loads at all. Too many do no harm. What is
 * imported by a name that is put together while the app runs isn't seen.
 */
import { readFileSync, realpathSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, resolve, sep } from "node:path";

/** What stands behind `from`, `import`, `import(`, `require(` and `new URL(`, the last for worker threads. */
const SPECIFIER = /\b(?:from|import|require|URL)\s*\(?\s*["'`]([^"'`\n]+)["'`]/g;
/** Where a name without an extension may lead, and one with JavaScript's to TypeScript. */
const ENDINGS = ["", ".ts", ".js", ".mts", ".mjs", ".cts", ".cjs", ".tsx", ".jsx", ".json", "/index.ts", "/index.js"];
const CODE = /\.([cm]?[jt]sx?|json)$/;
// A project that has more is watched in part.
const MOST = 5000;

/** The app's file first. Of an import that leads nowhere yet, each place where the file may come to be. */
export function modulesOf(file: string): readonly string[] {
  const found = new Set([file]);
  for (const module of found) {
    if (found.size >= MOST) break;
    for (const path of importsOf(module)) found.add(path);
  }
  return [...found];
}

function importsOf(module: string): readonly string[] {
  if (module.endsWith(".json")) return [];
  let text: string;
  try {
    text = readFileSync(module, "utf8");
  } catch {
    return [];
  }
  return [...text.matchAll(SPECIFIER)].flatMap(([, specifier]) => placesOf(specifier as string, module));
}

function placesOf(specifier: string, module: string): readonly string[] {
  const places = /^\.{1,2}\//.test(specifier)
    ? candidates(resolve(dirname(module), specifier))
    : named(specifier, module);
  return places.filter((path) => CODE.test(path) && !path.includes(`${sep}node_modules${sep}`));
}

/** The file that a relative name leads to, or all that it may mean while there is none. */
function candidates(path: string): readonly string[] {
  const paths = [...ENDINGS.map((ending) => `${path}${ending}`), path.replace(/\.([cm]?)js$/, ".$1ts")];
  const file = paths.find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.isFile());
  return file === undefined ? paths : [file];
}

/** The file that a package's name or an alias (#name) leads to: a neighbour in the same repository is a link out of node_modules. */
function named(specifier: string, module: string): readonly string[] {
  try {
    const path = createRequire(module).resolve(specifier);
    return path.includes(sep) ? [realpathSync(path)] : [];
  } catch {
    return [];
  }
}
