/**
 * Makes sure that the peers that aren't ours are there: test/interop/ starts them as servers, clients and proxies.
 *
 * Debian's own packages are installed where one is missing, all in one call, which takes root or a sudo that asks no password.
 * Where that can't be done this throws a sentence that says what to do; nothing is ever skipped. `EVERFRESH_PYTHON` names
 * another Python to use; otherwise it is left set to the one that was found.
 */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

type Peer = {
  /** What has to be there: a module of Python's or a program. */
  readonly name: string;
  readonly debian: string;
};

const MODULES: readonly Peer[] = [
  { name: "websockets", debian: "python3-websockets" },
  { name: "autobahn", debian: "python3-autobahn" },
  { name: "tornado", debian: "python3-tornado" },
];
/** Programs that are started as they are. */
export const PROGRAMS: readonly Peer[] = [
  { name: "libwebsockets-test-server", debian: "libwebsockets-test-server" },
  { name: "websocketd", debian: "websocketd" },
  { name: "nginx", debian: "nginx" },
  { name: "haproxy", debian: "haproxy" },
];
/** Debian's interpreter first: another one in the PATH doesn't see Debian's packages. */
const INTERPRETERS = ["/usr/bin/python3", "python3"] as const;
/** Where Debian has its daemons; the PATH of a user who isn't root leaves it out. */
const DAEMONS = "/usr/sbin";

/** Finds every peer, or installs those that are missing. Programs are to be found in the PATH from then on. */
export function prepareForeignPeers(): void {
  process.env.PATH = `${process.env.PATH}:${DAEMONS}`;
  const chosen = process.env.EVERFRESH_PYTHON;
  if (chosen !== undefined) {
    const lacking = MODULES.filter(({ name }) => !canImport(chosen, name)).map(({ name }) => name);
    if (lacking.length > 0) {
      throw new Error(
        `EVERFRESH_PYTHON is ${chosen}, which can't import ${inWords(lacking)}: install that, or unset it.`,
      );
    }
  }
  const missing = missingPeers(chosen);
  if (missing.length === 0) return;
  installWithApt(missing.map(({ debian }) => debian));
  const still = missingPeers(chosen);
  if (still.length === 0) return;
  throw new Error(
    `apt-get installed ${inWords(still.map(({ debian }) => debian))}, and ${inWords(still.map(({ name }) => name))} can't be found still.`,
  );
}

/** What is not there yet; where no interpreter has all modules, those that Debian's lacks. */
function missingPeers(chosen: string | undefined): readonly Peer[] {
  const programs = PROGRAMS.filter(({ name }) => !isInPath(name));
  const candidates = chosen === undefined ? INTERPRETERS : [chosen];
  const python = candidates.find((candidate) => MODULES.every(({ name }) => canImport(candidate, name)));
  if (python === undefined) return [...MODULES.filter(({ name }) => !canImport(INTERPRETERS[0], name)), ...programs];
  process.env.EVERFRESH_PYTHON = python;
  return programs;
}

function canImport(python: string, module: string): boolean {
  return spawnSync(python, ["-c", `import ${module}`], { stdio: "ignore" }).status === 0;
}

function isInPath(program: string): boolean {
  return (process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, program)));
}

function installWithApt(packages: readonly string[]): void {
  const list = packages.join(" ");
  const instead = `The tests in test/interop/ need them; run "sudo apt-get install ${list}" on a Debian or Ubuntu.`;
  if (spawnSync("apt-get", ["--version"], { stdio: "ignore" }).status !== 0) {
    throw new Error(`These packages are missing, and there is no apt-get to install them with: ${list}. ${instead}`);
  }
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && spawnSync("sudo", ["-n", "true"], { stdio: "ignore" }).status !== 0) {
    throw new Error(`These packages are missing, and apt-get needs root: ${list}. ${instead}`);
  }
  const aptGet = (...args: string[]): SpawnSyncReturns<Buffer> => {
    const command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "-qq", ...args];
    const [file = "", ...rest] = isRoot ? command : ["sudo", "-n", ...command];
    return spawnSync(file, rest, { stdio: ["ignore", "inherit", "inherit"], timeout: 300_000 });
  };
  // A stale or partly unreachable package list may still do, so only the installation's result counts.
  aptGet("update");
  const { status } = aptGet("install", "--no-install-recommends", ...packages);
  if (status !== 0) throw new Error(`apt-get could not install ${list} (exit code ${status}). ${instead}`);
}

function inWords(names: readonly string[]): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
