/**
 * What the command line of `everfresh run` asks for.
 */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { escapeControls } from "../../escape.ts";
import type { Arguments } from "../arguments.ts";
import { UsageError } from "../exit-code.ts";

/** How long an app has to end in order, in ms: less than the 30 s that Kubernetes gives a container. */
export const TIMEOUT = 25_000;

export type Plan = {
  /** As an absolute path. */
  readonly file: string;
  readonly timeout: number;
  readonly quiet: boolean;
};

const EXTENSIONS = [".ts", ".js", ".mts", ".mjs", ".cts", ".cjs"] as const;

/** @throws UsageError */
export function planOf(args: Arguments): Plan {
  const [given, ...others] = args.positionals;
  if (given === undefined) throw new UsageError("run takes the file of an app: everfresh run app.ts");
  if (others.length > 0) {
    throw new UsageError(
      `run takes one file, and got ${args.positionals.length}. A list of children may have as many modules as it likes.`,
    );
  }
  const file = resolve(given);
  const name = escapeControls(given);
  const kind = kindOf(file);
  if (kind === "file") return { file, timeout: args.milliseconds("timeout") ?? TIMEOUT, quiet: args.has("quiet") };
  if (kind === "other")
    throw new UsageError(`${name} is no file. Give the file that exports the app: everfresh run app.ts`);
  const near = EXTENSIONS.map((extension) => `${given}${extension}`).find((path) => kindOf(resolve(path)) === "file");
  throw new UsageError(
    `There is no file ${name}.${near === undefined ? "" : ` Did you mean ${escapeControls(near)}?`}`,
  );
}

function kindOf(path: string): "file" | "other" | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? undefined : stats.isFile() ? "file" : "other";
}
