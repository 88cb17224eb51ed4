/**
 * Builds dist/ from nothing, with plain tsc: no file of an earlier build may reach a package.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

rmSync("dist", { recursive: true, force: true });
const tsc = fileURLToPath(import.meta.resolve("typescript/bin/tsc"));
const { status } = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);
// npm does this for a package's commands as it installs them; a command run from a checkout has only this.
chmodSync("dist/cli/main.js", 0o755);
