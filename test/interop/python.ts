/** Python with websockets, Autobahn and Tornado: which interpreter, and how its programs are started. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

/** What `npm run test:interop` has found or installed (scripts/foreign-peers.ts); Debian's own without it. */
export const PYTHON = process.env.EVERFRESH_PYTHON ?? "/usr/bin/python3";

/** Starts a script of this folder; what it says on its error output is shown. */
export function startPython(script: string, args: readonly string[]): ChildProcessByStdio<Writable, Readable, null> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  return spawn(PYTHON, ["-u", path, ...args], { stdio: ["pipe", "pipe", "inherit"] });
}
