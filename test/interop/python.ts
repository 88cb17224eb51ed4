/** Debian's Python with its `websockets`: which interpreter, and how its programs are started. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

/** What `npm run test:interop` has found or installed (scripts/python-websockets.ts); Debian's own without it. */
const PYTHON = process.env.EVERFRESH_PYTHON ?? "/usr/bin/python3";

/** Starts a script of this folder; what it says on its error output is shown. */
export function startPython(script: string, args: readonly string[]): ChildProcessByStdio<Writable, Readable, null> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  return spawn(PYTHON, ["-u", path, ...args], { stdio: ["pipe", "pipe", "inherit"] });
}
