/** docs/interop.md: its tables are what the tests have in theirs, and its versions those that are here. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { CLIENTS, type ClientDriver } from "./clients.ts";
import { AGREEING } from "./deflate-servers.ts";
import { PROXIES } from "./proxies.ts";
import { PYTHON } from "./python.ts";
import { SERVERS, type ServerDriver } from "./servers.ts";

const page = readFileSync(new URL("../../docs/interop.md", import.meta.url), "utf8");

/** The versions on the page are Debian's of this release; those of another differ. */
const RELEASE = "debian 12";

test("docs/interop.md has a row for each server, with what is tested of it", () => {
  assert.deepEqual(
    rowsBelow("Servers"),
    SERVERS.map((server) => [server.name, serverWords(server), deflateWords(server.name)]),
  );
});

test("docs/interop.md has a row for each client, with what is tested of it", () => {
  const rows = CLIENTS.map((client) => [client.name, clientWords(client)]);
  // Its test is a file of its own: it goes through no steps.
  rows.push(["libwebsockets", "texts, pings, close codes, TLS"]);
  assert.deepEqual(rowsBelow("Clients"), rows);
});

test("docs/interop.md has a row for each proxy", () => {
  assert.deepEqual(
    rowsBelow("Proxies").map(([name]) => name),
    PROXIES.map(({ name }) => name),
  );
});

test("docs/interop.md names the versions that are tested", () => {
  const documented = Object.fromEntries(rowsBelow("Versions").map(([name = "", version]) => [name, version]));
  const { devDependencies } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const here: Record<string, string> = { ws: devDependencies.ws, Bun: devDependencies.bun };
  if (release() === RELEASE) {
    Object.assign(here, {
      websockets: pythonVersion("websockets"),
      Autobahn: pythonVersion("autobahn"),
      Tornado: pythonVersion("tornado"),
      libwebsockets: debianVersion("libwebsockets-test-server"),
      websocketd: debianVersion("websocketd"),
      nginx: debianVersion("nginx"),
      HAProxy: debianVersion("haproxy"),
    });
  }
  for (const [name, version] of Object.entries(here)) assert.equal(documented[name], version, name);
});

function serverWords({ echo, ping, fragments, ends, refusals, subprotocol, ways }: ServerDriver): string {
  const closes = ends.some(({ as }) => as !== undefined);
  return words([
    ["texts", true],
    ["bytes", echo.binary],
    ["its fragments", fragments !== undefined],
    ["its pings", ping !== undefined],
    ["its close codes", closes],
    ["subprotocols", subprotocol !== undefined],
    ["refusals", refusals.length > 0],
    ...ways.map((way) => [way, true] as const),
  ]);
}

function clientWords({ fragments, pings, tellsStatus, aborts }: ClientDriver): string {
  return words([
    ["texts", true],
    ["bytes", true],
    ["its fragments", fragments],
    ["its pings", pings],
    ["pings", true],
    ["close codes", true],
    ["subprotocols", true],
    ["a refusal's status", tellsStatus],
    ["its sudden end", aborts],
    ["TLS", true],
  ]);
}

function deflateWords(name: string): string {
  return AGREEING.some(({ server }) => server === name) ? "yes" : "it has none";
}

function words(all: readonly (readonly [word: string, holds: boolean])[]): string {
  return all.flatMap(([word, holds]) => (holds ? [word] : [])).join(", ");
}

/** The rows of the first table below a heading, as the texts of their cells. */
function rowsBelow(heading: string): readonly (readonly string[])[] {
  const [, chapter = ""] = page.split(`## ${heading}\n`);
  const rows = chapter.split("\n## ")[0]?.match(/^\|.*\|$/gm) ?? [];
  return rows.slice(2).map((row) =>
    row
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
}

/** The name and number of this machine's distribution, such as "debian 12". */
function release(): string {
  if (!existsSync("/etc/os-release")) return "";
  const lines = readFileSync("/etc/os-release", "utf8");
  const fieldOf = (name: string) => lines.match(new RegExp(`^${name}="?([^"\n]*)`, "m"))?.[1];
  return `${fieldOf("ID")} ${fieldOf("VERSION_ID")}`;
}

function pythonVersion(module: string): string {
  return execFileSync(PYTHON, ["-c", `from importlib.metadata import version; print(version("${module}"))`])
    .toString()
    .trim();
}

/** The maker's part of a package's version. */
function debianVersion(name: string): string {
  // Its name, a tab, and perhaps an epoch before and a revision behind.
  const [, version = ""] = execFileSync("dpkg-query", ["--show", name]).toString().split("\t");
  return version.replace(/^\d+:/, "").replace(/-[^-]*$/, "");
}
