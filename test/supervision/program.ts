/** Runs a program of the folder programs/ in a process of its own: for what only a whole process shows. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

/** A program that runs longer than this, in ms, hangs. */
const PATIENCE = 50_000;

export type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** Its exit code is null when it had to be killed. */
export async function runProgram(name: string, ...args: readonly string[]): Promise<Ended> {
  const path = fileURLToPath(new URL(`programs/${name}`, import.meta.url));
  const flags = ["--expose-gc", "--conditions=everfresh-source", "--import", import.meta.resolve("tsx")];
  const child = spawn(process.execPath, [...flags, path, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: PATIENCE,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { code, stdout, stderr };
}
