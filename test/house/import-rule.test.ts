/**
 * Breaks every import rule once, in a small copy of the house, and sees it refused by the configuration that CI uses.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { cruise, type ICruiseResult } from "dependency-cruiser";
// @ts-expect-error: a configuration has no types of its own.
import configuration from "../../.dependency-cruiser.mjs";

/** A house in which everybody keeps to the rule: path → what it imports, `type` before those that are only known by type, `reference` before types to load. */
const HOUSE: Readonly<Record<string, readonly string[]>> = {
  "src/frame.ts": [],
  "src/escape.ts": [],
  "src/nearest.ts": [],
  "src/protocol/index.ts": ["../frame.ts", "./event.ts", "node:crypto", "node:buffer"],
  "src/protocol/event.ts": ["type ../frame.ts"],
  "src/transport/channel.ts": ["type ../frame.ts", "type ../protocol/event.ts"],
  "src/transport/transport-options.ts": ["type node:https"],
  "src/transport/user-agent.ts": [],
  "src/transport/http1.ts": ["../protocol/index.ts", "type ./channel.ts", "node:http"],
  "src/platform/platform.ts": ["type ../transport/channel.ts"],
  "src/platform/node.ts": ["../transport/http1.ts", "type ./platform.ts", "node:os"],
  "src/supervision/exit-reason.ts": [],
  "src/supervision/child-spec.ts": ["type ./exit-reason.ts"],
  "src/supervision/names.ts": [],
  "src/supervision/supervisor.ts": [
    "./exit-reason.ts",
    "./names.ts",
    "../nearest.ts",
    "../escape.ts",
    "type ./child-spec.ts",
    "#platform",
    "type ../platform/platform.ts",
  ],
  "src/behaviour.ts": [
    "type ./frame.ts",
    "./connection/errors.ts",
    "type ./connection/option-types.ts",
    "type ./supervision/child-spec.ts",
  ],
  "src/connection/errors.ts": ["type ../supervision/exit-reason.ts"],
  "src/connection/option-types.ts": ["type ../transport/transport-options.ts", "type ../frame.ts"],
  "src/connection/connection.ts": [
    "#platform",
    "type ../platform/platform.ts",
    "type ../transport/channel.ts",
    "../transport/transport-options.ts",
    "../behaviour.ts",
    "../frame.ts",
    "../escape.ts",
    "../nearest.ts",
    "../supervision/exit-reason.ts",
    "../supervision/names.ts",
    "./errors.ts",
    "./option-types.ts",
  ],
  "src/fresh.ts": [
    "./behaviour.ts",
    "./connection/connection.ts",
    "./supervision/exit-reason.ts",
    "./frame.ts",
    "#platform",
  ],
  "src/index.ts": [
    "type ./transport/transport-options.ts",
    "./fresh.ts",
    "./behaviour.ts",
    "./frame.ts",
    "./connection/errors.ts",
    "./supervision/supervisor.ts",
  ],
  "src/testing/index.ts": [
    "reference node",
    "../protocol/index.ts",
    "../transport/http1.ts",
    "type ../platform/platform.ts",
    "../frame.ts",
    "../nearest.ts",
    "../fresh.ts",
    "../behaviour.ts",
    "node:net",
  ],
  "src/abort.ts": [],
  "src/rpc/index.ts": ["./rpc.ts"],
  "src/rpc/rpc.ts": ["../index.ts", "../frame.ts", "../nearest.ts", "../abort.ts"],
  "src/cli/main.ts": [
    "../index.ts",
    "../testing/index.ts",
    "../frame.ts",
    "../escape.ts",
    "./connect.ts",
    "node:process",
  ],
  "src/cli/connect.ts": ["../index.ts", "../escape.ts", "../transport/user-agent.ts"],
};

/** rule → the import that breaks it. A file that isn't in the house is added to it. */
const OFFENCES: readonly (readonly [rule: string, file: string, imports: string])[] = [
  ["ground-imports-nothing", "src/frame.ts", "node:buffer"],
  ["ground-imports-nothing", "src/frame.ts", "type ./supervision/exit-reason.ts"],
  ["ground-imports-nothing", "src/escape.ts", "node:util"],
  ["ground-imports-nothing", "src/nearest.ts", "./frame.ts"],
  ["ground-imports-nothing", "src/abort.ts", "type ./connection/errors.ts"],
  ["protocol-does-no-io", "src/protocol/event.ts", "node:net"],
  ["protocol-does-no-io", "src/protocol/event.ts", "type node:stream"],
  ["protocol-does-no-io", "src/protocol/event.ts", "type ../transport/transport-options.ts"],
  ["protocol-does-no-io", "src/protocol/event.ts", "ws"],
  ["transport-carries-frames", "src/transport/http1.ts", "type ../connection/errors.ts"],
  ["transport-carries-frames", "src/transport/http1.ts", "ws"],
  ["platform-is-the-seam", "src/platform/node.ts", "../protocol/event.ts"],
  ["platform-is-the-seam", "src/platform/node.ts", "type ../connection/errors.ts"],
  ["platform-is-the-seam", "src/platform/node.ts", "../frame.ts"],
  ["connection-knows-no-bytes", "src/connection/errors.ts", "node:events"],
  ["connection-knows-no-bytes", "src/connection/errors.ts", "type node:net"],
  ["connection-knows-no-bytes", "src/connection/errors.ts", "type ../protocol/event.ts"],
  ["connection-knows-no-bytes", "src/connection/errors.ts", "type ../transport/http1.ts"],
  ["connection-knows-no-bytes", "src/connection/errors.ts", "../supervision/supervisor.ts"],
  ["connection-knows-no-bytes", "src/connection/errors.ts", "ws"],
  ["connection-knows-the-channel-by-type", "src/connection/errors.ts", "../transport/channel.ts"],
  ["platform-by-its-name", "src/connection/errors.ts", "../platform/node.ts"],
  ["platform-port-by-type", "src/connection/errors.ts", "../platform/platform.ts"],
  ["behaviour-is-a-contract", "src/behaviour.ts", "type ./protocol/event.ts"],
  ["behaviour-is-a-contract", "src/behaviour.ts", "node:util"],
  ["behaviour-is-a-contract", "src/behaviour.ts", "type ./supervision/supervisor.ts"],
  ["behaviour-runs-nothing", "src/behaviour.ts", "./frame.ts"],
  ["behaviour-runs-nothing", "src/behaviour.ts", "./supervision/exit-reason.ts"],
  ["supervision-knows-children", "src/supervision/supervisor.ts", "type ../frame.ts"],
  ["supervision-knows-children", "src/supervision/supervisor.ts", "type ../connection/errors.ts"],
  ["supervision-knows-children", "src/supervision/supervisor.ts", "node:timers"],
  ["platform-by-its-name", "src/supervision/supervisor.ts", "../platform/node.ts"],
  ["fresh-is-the-front-door", "src/fresh.ts", "node:process"],
  ["fresh-is-the-front-door", "src/fresh.ts", "type ./transport/channel.ts"],
  ["index-re-exports", "src/index.ts", "./protocol/index.ts"],
  ["index-re-exports", "src/index.ts", "./testing/index.ts"],
  ["testing-is-a-peer", "src/testing/index.ts", "../connection/errors.ts"],
  ["testing-is-a-peer", "src/testing/index.ts", "#platform"],
  ["testing-is-a-peer", "src/testing/index.ts", "ws"],
  ["cli-is-a-user", "src/cli/connect.ts", "../fresh.ts"],
  ["cli-is-a-user", "src/cli/connect.ts", "../protocol/index.ts"],
  ["cli-is-a-user", "src/cli/connect.ts", "../transport/http1.ts"],
  ["cli-is-a-user", "src/cli/connect.ts", "type ../connection/errors.ts"],
  ["rpc-is-a-user", "src/rpc/rpc.ts", "../fresh.ts"],
  ["rpc-is-a-user", "src/rpc/rpc.ts", "type ../behaviour.ts"],
  ["rpc-is-a-user", "src/rpc/rpc.ts", "type ../connection/errors.ts"],
  ["rpc-is-a-user", "src/rpc/rpc.ts", "../protocol/index.ts"],
  ["rpc-is-a-user", "src/rpc/rpc.ts", "node:events"],
  ["every-file-has-a-layer", "src/sundries.ts", "./frame.ts"],
  ["every-file-has-a-layer", "src/browser/index.ts", "../frame.ts"],
  ["no-cycles", "src/supervision/exit-reason.ts", "type ./child-spec.ts"],
];

const houses: string[] = [];
after(() => {
  for (const house of houses) rmSync(house, { recursive: true, force: true });
});

test("a house that keeps to the import rule is let through", async () => {
  assert.deepEqual(await violationsOf(HOUSE), []);
});

test("each rule of the configuration has an offence here, or is the rule against orphans", () => {
  const rules = new Set((configuration.forbidden as { name: string }[]).map(({ name }) => name));
  assert.deepEqual([...rules].sort(), [...new Set([...OFFENCES.map(([rule]) => rule), "no-orphans"])].sort());
});

for (const [rule, file, imports] of OFFENCES) {
  test(`${rule}: ${file} may not import ${imports}`, async () => {
    const violations = await violationsOf({ ...HOUSE, [file]: [...(HOUSE[file] ?? []), imports] });
    assert.ok(
      violations.some((violation) => violation.startsWith(`${rule}: `)),
      `${rule} was not broken; what was: ${violations.join(", ") || "nothing"}.`,
    );
  });
}

test("no-orphans: a file that no entry reaches is refused", async () => {
  const house = { ...HOUSE, "src/connection/forgotten.ts": ["./errors.ts"] };
  assert.deepEqual(await violationsOf(house), ["no-orphans: src/connection/forgotten.ts"]);
});

async function violationsOf(house: Readonly<Record<string, readonly string[]>>): Promise<readonly string[]> {
  const root = mkdtempSync(join(tmpdir(), "everfresh-house-"));
  houses.push(root);
  const files = Object.entries(house).map(([path, imports]) => [path, imports.map(sourceOf).join("")] as const);
  const manifest = { name: "house", type: "module", imports: { "#platform": "./src/platform/node.ts" } };
  for (const [path, source] of [...files, ["package.json", JSON.stringify(manifest)] as const]) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), source);
  }
  const { forbidden, options } = configuration;
  const { output } = await cruise(["src"], { ...options, baseDir: root, ruleSet: { forbidden }, validate: true });
  return (output as ICruiseResult).summary.violations
    .map(({ rule, from, to, type }) => `${rule.name}: ${from}${type === "module" ? "" : ` → ${to}`}`)
    .sort();
}

function sourceOf(specifier: string, index: number): string {
  const [path = "", type] = specifier.split(" ").reverse();
  return type === "type"
    ? `import type * as T${index} from ${JSON.stringify(path)};\nexport type { T${index} };\n`
    : type === "reference"
      ? `/// <reference types="${path}" />\n`
      : `import * as v${index} from ${JSON.stringify(path)};\nexport { v${index} };\n`;
}
