/**
 * The app in a file: what its default export gives, started.
 */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { type Child, type ChildInput, Supervisor, type SupervisorOptions } from "../../index.ts";
import { UsageError } from "../exit-code.ts";
import { typescriptRemedy } from "./typescript.ts";

/** What runs: mostly a supervisor, whose own members are there then. */
export type App = Child & Partial<Pick<Supervisor, "name" | "started" | "gaveUp" | "whichChildren">>;

/** The app's own code has thrown before there was anything to run. */
export class AppError extends Error {
  override readonly name = "AppError";
}

type Exports = { readonly default?: unknown; readonly options?: unknown };

const FORMS =
  "Export a supervisor, a list of children, or a function that gives one of these: export default [Counter, [Feed, { uri, state }]];";

/**
 * Imports the file and starts what it exports.
 * @throws UsageError when it exports nothing that can be run; NeedsNodeOptions; AppError
 */
export async function startApp(file: string): Promise<App> {
  const exported = await exportsOf(file);
  if (exported.default === undefined) throw new UsageError(`${file} has no default export. ${FORMS}`);
  const isFunction = typeof exported.default === "function" && !isChild(exported.default);
  const given = isFunction ? await callOf(exported.default as () => unknown, file) : exported.default;
  const what = isFunction ? "default function gave" : "default export is";
  if (isChild(given)) {
    if (exported.options !== undefined) {
      throw new UsageError(
        `${file} exports options, which are for a list of children, and its ${what} a supervisor that has begun without them. Give them to Supervisor.start.`,
      );
    }
    return given;
  }
  if (Array.isArray(given)) return startList(file, given, exported.options as SupervisorOptions | undefined);
  throw new UsageError(`${file}: its ${what} ${kindOf(given)}. ${FORMS}`);
}

async function exportsOf(file: string): Promise<Exports> {
  let namespace: Exports;
  try {
    namespace = await import(pathToFileURL(file).href);
  } catch (error) {
    throw typescriptRemedy(error, file) ?? new AppError(`${file} can't be loaded.`, { cause: error });
  }
  // An ES module that was compiled to CommonJS, seen from an ES module.
  const inner = namespace.default as (Exports & { readonly __esModule?: unknown }) | null | undefined;
  return typeof inner === "object" && inner?.__esModule ? inner : namespace;
}

async function callOf(begin: () => unknown, file: string): Promise<unknown> {
  try {
    return await begin();
  } catch (error) {
    throw new AppError(`The default function of ${file} failed.`, { cause: error });
  }
}

async function startList(
  file: string,
  children: readonly ChildInput[],
  options: SupervisorOptions | undefined,
): Promise<App> {
  const supervisors = await supervisorsOf(file);
  try {
    return supervisors.start(children, options);
  } catch (error) {
    if ((error as Error | undefined)?.name === "SupervisorError") {
      throw new UsageError(`${file}: ${(error as Error).message}`);
    }
    throw new AppError(`The supervisor of ${file} can't be started.`, { cause: error });
  }
}

/** Those of the everfresh that the app itself imports: names and links are known within one copy of it only. */
async function supervisorsOf(file: string): Promise<typeof Supervisor> {
  let entry: string;
  try {
    entry = createRequire(file).resolve("everfresh");
  } catch {
    // It does without.
    return Supervisor;
  }
  const library: { readonly Supervisor?: typeof Supervisor } = await import(pathToFileURL(entry).href);
  return library.Supervisor ?? Supervisor;
}

function isChild(value: unknown): value is App {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  const { exited, stop } = value as { exited?: { then?: unknown }; stop?: unknown };
  return typeof exited?.then === "function" && typeof stop === "function";
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  return "start" in value || "childSpec" in value
    ? "a single child: put it into a list"
    : "an object that is none of what can be run";
}
