/**
 * Makes sure that Python's `websockets` is there, a peer that isn't ours: test/interop/ starts it as server and client.
 *
 * Debian's own package is installed where it is missing, which takes root or a sudo that asks no password. Where that can't
 * be done this throws a sentence that says what to do; nothing is ever skipped. The interpreter's path is left in
 * `EVERFRESH_PYTHON` for the tests, and one that is set already is used as it is.
 */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";

/** Debian's interpreter first: another one in the PATH doesn't see Debian's packages. */
const INTERPRETERS = ["/usr/bin/python3", "python3"] as const;

/** Finds an interpreter that has `websockets`, or installs both. */
export function preparePython(): void {
  const chosen = process.env.EVERFRESH_PYTHON;
  if (chosen !== undefined) {
    if (hasWebsockets(chosen)) return;
    throw new Error(`EVERFRESH_PYTHON is ${chosen}, which can't import websockets: install it there, or unset it.`);
  }
  if (!INTERPRETERS.some(hasWebsockets)) installWithApt();
  const found = INTERPRETERS.find(hasWebsockets);
  if (found === undefined) throw new Error("apt-get installed python3-websockets, and python3 still can't import it.");
  process.env.EVERFRESH_PYTHON = found;
}

function hasWebsockets(python: string): boolean {
  return spawnSync(python, ["-c", "import websockets"], { stdio: "ignore" }).status === 0;
}

function installWithApt(): void {
  const instead =
    "Install Python's websockets yourself (pip install websockets) and set EVERFRESH_PYTHON to that interpreter.";
  if (spawnSync("apt-get", ["--version"], { stdio: "ignore" }).status !== 0) {
    throw new Error(`python3 can't import websockets, and there is no apt-get to install it with. ${instead}`);
  }
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && spawnSync("sudo", ["-n", "true"], { stdio: "ignore" }).status !== 0) {
    throw new Error(
      `python3 can't import websockets, and apt-get needs root: run "sudo apt-get install python3-websockets" once. ${instead}`,
    );
  }
  const aptGet = (...args: string[]): SpawnSyncReturns<Buffer> => {
    const command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "-qq", ...args];
    const [file = "", ...rest] = isRoot ? command : ["sudo", "-n", ...command];
    return spawnSync(file, rest, { stdio: ["ignore", "inherit", "inherit"], timeout: 300_000 });
  };
  // A stale or partly unreachable package list may still do, so only the installation's result counts.
  aptGet("update");
  const { status } = aptGet("install", "--no-install-recommends", "python3-websockets");
  if (status !== 0) throw new Error(`apt-get could not install python3-websockets (exit code ${status}). ${instead}`);
}
