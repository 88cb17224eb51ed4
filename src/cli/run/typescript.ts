/**
 * What to do when Node refuses an app for its TypeScript: newer ones run it themselves, some when they are asked to, and the others
 * need tsx.
 */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { escapeControls } from "../../escape.ts";
import { UsageError } from "../exit-code.ts";
import { systemCode } from "../system-code.ts";

/** The app can run, in a Node that is started with these options. */
export class NeedsNodeOptions extends Error {
  override readonly name = "NeedsNodeOptions";
  readonly nodeOptions: readonly string[];

  constructor(nodeOptions: readonly string[]) {
    super(`Node needs ${nodeOptions.join(" ")} for this app.`);
    this.nodeOptions = nodeOptions;
  }
}

/** What there is to go by: of the process, but in tests. */
export type NodeAbilities = {
  readonly version: string;
  readonly stripsOnRequest: boolean;
  /** The options that this process was started with. */
  readonly given: readonly string[];
};

/** Of this process. */
function abilities(): NodeAbilities {
  return {
    version: process.version,
    // Node 22.6 to 22.17; later ones do it unasked, earlier ones don't know the option.
    stripsOnRequest: process.allowedNodeEnvironmentFlags.has("--experimental-strip-types"),
    given: process.execArgv,
  };
}

/** What follows from an import that failed; undefined when its TypeScript isn't why. */
export function typescriptRemedy(
  error: unknown,
  file: string,
  node: NodeAbilities = abilities(),
): NeedsNodeOptions | UsageError | undefined {
  const code = systemCode(error);
  const message = error instanceof Error ? error.message : "";
  const unknown = code === "ERR_UNKNOWN_FILE_EXTENSION" && /"\.[cm]?tsx?"/.test(message);
  if (!unknown && code !== "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") return undefined;
  const strip = "--experimental-strip-types";
  if (unknown && node.stripsOnRequest && !node.given.includes(strip)) return new NeedsNodeOptions([strip]);
  const tsx = tsxOf(file);
  if (tsx !== undefined && !node.given.includes(tsx)) return new NeedsNodeOptions(["--import", tsx]);
  const name = escapeControls(file);
  return new UsageError(
    unknown
      ? `Node ${node.version.slice(1)} can't run TypeScript, and ${name} is some, or imports some. Install tsx in the project (npm install --save-dev tsx), take Node 22.18 or newer, or compile it to JavaScript first.`
      : `Node runs TypeScript by leaving the types out, and ${name} has more in it, or imports what has: ${firstSentence(message)}. Install tsx in the project (npm install --save-dev tsx), or write it without.`,
  );
}

/** Some versions of Node draw the place below it, with a mark before it. */
function firstSentence(message: string): string {
  return escapeControls(message.trim().split("\n", 1)[0] as string).replace(/^[x×] +/, "");
}

/** Where tsx is, if the app's project has it. */
function tsxOf(file: string): string | undefined {
  try {
    return pathToFileURL(createRequire(file).resolve("tsx")).href;
  } catch {
    return undefined;
  }
}
