/**
 * README.md names the counterpart of everything that Fresh 0.3.0 documents, and every counterpart is there.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CALLBACK_NAMES } from "../../src/behaviour.ts";
import { ERROR_KINDS } from "../../src/connection/errors.ts";
import * as everfresh from "../../src/index.ts";
import { pageAt } from "./pages.ts";

/** The reference of Fresh 0.3.0: its types, callbacks, functions, responses and options, each as it begins there. */
const DOCUMENTED_BY_FRESH = [
  [
    "connection_handle_response()",
    "generic_handle_response()",
    "control_frame()",
    "data_frame()",
    "error()",
    "option()",
  ],
  ["state()", "handle_connect/3", "handle_control/2", "handle_disconnect/3", "handle_error/2", "handle_in/2"],
  ["handle_info/2", "handle_terminate/2", "use Fresh", "Fresh.close/3", "Fresh.send/2", "Fresh.start/4"],
  ["Fresh.start_link/4", "Module.start/1", "Module.start_link/1", "Module.child_spec/1", "{:ok, state}"],
  ["{:reply, frames, state}", "{:close, code, reason, state}", "{:ignore, state}", "{:reconnect, state}", ":reconnect"],
  ["{:close, reason}", ":close", "name:", "headers:", "transport_opts:", "mint_upgrade_opts:", "ping_interval:"],
  ["error_logging:", "info_logging:"],
].flat();

const lines = pageAt("README.md").lines;
const rows = lines.slice(lines.indexOf("## From Elixir"), lines.indexOf("## Beside other clients")).flatMap((line) => {
  const row = /^\| `([^`]+)` \| (.+) \|$/.exec(line);
  return row === null ? [] : [{ elixir: row[1] as string, typescript: row[2] as string }];
});

test("everything that Fresh documents has a row", () => {
  const missing = DOCUMENTED_BY_FRESH.filter(
    (name) => !rows.some(({ elixir }) => elixir === name || (name.endsWith(":") && elixir.startsWith(name))),
  );
  assert.deepEqual(missing, []);
});

test("every callback, helper and function in the right column exists", () => {
  const right = rows.map(({ typescript }) => typescript).join("\n");
  for (const callback of CALLBACK_NAMES) assert.ok(right.includes(`\`${callback}(`), callback);
  const functions = [...right.matchAll(/`Fresh\.(\w+)[(<]/g)].map(([, name]) => name as string);
  assert.deepEqual(
    [...new Set(functions)].sort(),
    Object.keys(everfresh.Fresh)
      .filter((name) => name !== "isOpen")
      .sort(),
  );
  const helpers = [...right.matchAll(/`([a-z]\w+)\((?:state|frames|code|reason|string|bytes)?[,)]/g)]
    .map(([, name]) => name as string)
    .filter((name) => !name.startsWith("handle"));
  assert.ok(helpers.length >= 10, helpers.join());
  for (const helper of helpers) assert.ok(helper in everfresh, `${helper} is exported by nothing`);
});

test("README.md names all eight kinds of errors", () => {
  const text = lines.join("\n");
  for (const kind of Object.keys(ERROR_KINDS)) assert.ok(text.includes(`| \`${kind}\` |`), kind);
});
