/**
 * Builds dist/ from nothing, with plain tsc: no file of an earlier build may reach a package.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, rmSync } from "node:fs";
import { createRequire } from "node:module";

rmSync("dist", { recursive: true, force: true });
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const { status } = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);
// npm does this for a package's commands as it installs them; a command run from a checkout has only this.
chmodSync("dist/cli/main.js", 0o755);
