/**
 * What is the platform's is not reached for past `#platform`: no timer, no console, no process in the layers that run anywhere.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

const BIOME = fileURLToPath(import.meta.resolve("@biomejs/biome/bin/biome"));
const CONFIGURATION = fileURLToPath(new URL("../../biome.json", import.meta.url));

const REFUSED = [
  ["src/connection/timer.ts", "setTimeout(() => {}, 1);"],
  ["src/connection/line.ts", 'console.log("x");'],
  ["src/connection/deep/exit.ts", "process.exit(1);"],
  ["src/protocol/timer.ts", "setInterval(() => {}, 1);"],
  ["src/supervision/time.ts", "performance.now();"],
  ["src/fresh.ts", 'Buffer.from("x");'],
] as const;

/** Node is all that these run on. */
const ALLOWED = ["src/transport/http1.ts", "src/platform/node.ts", "src/testing/wait.ts", "src/cli/main.ts"] as const;

const house = mkdtempSync(join(tmpdir(), "everfresh-globals-"));
const refused = new Set<string>();

before(() => {
  copyFileSync(CONFIGURATION, join(house, "biome.json"));
  const files = [
    ...REFUSED,
    ...ALLOWED.map((path) => [path, "setTimeout(() => console.log(process.pid), 1);"] as const),
  ];
  for (const [path, source] of [...files, [".gitignore", ""] as const]) {
    mkdirSync(dirname(join(house, path)), { recursive: true });
    writeFileSync(join(house, path), `${source}\n`);
  }
  const { stdout } = spawnSync(process.execPath, [BIOME, "lint", "--reporter=github"], {
    cwd: house,
    encoding: "utf8",
  });
  for (const line of stdout.split("\n")) {
    const file = /noRestrictedGlobals,file=[^,]*?(src\/[^,]*),/.exec(line)?.[1];
    if (file !== undefined) refused.add(file);
  }
});
after(() => rmSync(house, { recursive: true, force: true }));

for (const [file, statement] of REFUSED) {
  test(`${file} may not say ${statement}`, () => assert.ok(refused.has(file)));
}

test("the layers that are for Node alone may use what Node has", () => {
  assert.deepEqual([...refused].sort(), REFUSED.map(([file]) => file).sort());
});
