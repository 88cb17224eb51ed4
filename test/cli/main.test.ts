/** The command finds its sub-command, and its exit code says whether the command line could be carried out. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { connect } from "../../src/cli/connect.ts";
import { commandHelp } from "../../src/cli/help.ts";
import { runCommand } from "./running-command.ts";

test("--version and -V print the package's version", async (t) => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  for (const option of ["--version", "-V"]) {
    assert.deepEqual(await runCommand(t, [option]), { code: 0, signal: null, stdout: `${version}\n`, stderr: "" });
  }
});

test("--help and -h print the general help, behind a command that command's", async (t) => {
  for (const option of ["--help", "-h"]) {
    const { code, stdout, stderr } = await runCommand(t, [option]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    assert.match(stdout, /^everfresh: .*\n\nUsage: everfresh COMMAND/);
  }
  // Also where the rest of the line makes no sense yet.
  const { code, stdout } = await runCommand(t, ["connect", "--json", "--help"]);
  assert.deepEqual({ code, stdout }, { code: 0, stdout: commandHelp(connect) });
});

const REFUSALS: readonly (readonly [args: readonly string[], sentence: string])[] = [
  [[], "It takes a command: connect, listen, run, demo."],
  [["conect"], 'There is no command "conect". Did you mean connect?'],
  [["serve"], 'There is no command "serve". There are connect, listen, run, demo.'],
  [["--json", "connect"], "There is no option --json before a command. Commands are connect, listen, run, demo."],
];
for (const [args, sentence] of REFUSALS) {
  test(`everfresh ${args.join(" ")}: refused with 2 and a sentence`, async (t) => {
    const { code, stdout, stderr } = await runCommand(t, args);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
    assert.equal(stderr, `everfresh: ${sentence}\n"everfresh --help" tells more.\n`);
  });
}

test("what a command refuses ends with 2 as well, and points to that command's help", async (t) => {
  const { code, stdout, stderr } = await runCommand(t, ["connect", "--heeder", "x"]);
  assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
  assert.equal(
    stderr,
    'everfresh: There is no option --heeder. Did you mean --header?\n"everfresh connect --help" tells more.\n',
  );
  assert.equal((await runCommand(t, ["listen", "ws://127.0.0.1"])).code, 2);
  assert.equal((await runCommand(t, ["demo", "now"])).code, 2);
});
