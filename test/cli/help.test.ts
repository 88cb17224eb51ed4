/** The help says all there is, fits a terminal, and docs/cli.md says the same. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Command } from "../../src/cli/command.ts";
import { connect } from "../../src/cli/connect.ts";
import { demo } from "../../src/cli/demo.ts";
import { commandHelp, docOf, generalHelp, optionsOf } from "../../src/cli/help.ts";
import { listen } from "../../src/cli/listen.ts";
import { run } from "../../src/cli/run.ts";

const COMMANDS: readonly Command[] = [connect, listen, run, demo];
const PAGE = readFileSync(new URL("../../docs/cli.md", import.meta.url), "utf8");

/** The part of the page under the heading of this command. */
function sectionOf({ name }: Command): string {
  const section = PAGE.split(/^## /m).find((part) => part.startsWith(`everfresh ${name}`));
  assert.ok(section, `docs/cli.md has no section for ${name}`);
  return section;
}

const rowsOf = (section: string, first: RegExp) => section.split("\n").filter((line) => first.test(line));
const flat = (text: string) => text.replaceAll(/\s+/g, " ");

test("the general help names each command with its summary, and every exit code", () => {
  const help = flat(generalHelp(COMMANDS));
  for (const { name, summary } of COMMANDS) assert.ok(help.includes(`${name} ${summary}`), name);
  for (const code of ["0", "1", "2", "3, 4", "129, 130, 143"]) assert.match(help, new RegExp(` ${code} [A-Z]`));
});

for (const command of COMMANDS) {
  const help = commandHelp(command);

  test(`the help of ${command.name} has its usage, options, exit codes and examples`, () => {
    assert.ok(help.startsWith(`Usage: everfresh ${command.name}`));
    for (const [name, spec] of optionsOf(command)) {
      assert.ok(flat(help).includes(flat(`--${name}${spec.value ? ` ${spec.value}` : ""} ${docOf(spec)}`)), name);
      if (spec.short) assert.ok(help.includes(`  -${spec.short}, --${name}`), name);
    }
    for (const [code, when] of command.exitCodes) assert.ok(flat(help).includes(`${code} ${when}`), when);
    for (const [line, what] of command.examples) assert.ok(flat(help).includes(flat(`${line} ${what}`)), line);
  });

  test(`the help of ${command.name} fits into 100 columns`, () => {
    assert.deepEqual(
      help.split("\n").filter((line) => line.length > 100),
      [],
    );
  });

  test(`docs/cli.md lists the same options and exit codes of ${command.name}, in the same words and order`, () => {
    const section = sectionOf(command);
    assert.deepEqual(
      rowsOf(section, /^\| `-/),
      optionsOf(command).map(([name, spec]) => {
        const short = spec.short ? `\`-${spec.short}\`, ` : "";
        return `| ${short}\`--${name}${spec.value ? ` ${spec.value}` : ""}\` | ${docOf(spec)} |`;
      }),
    );
    assert.deepEqual(
      rowsOf(section, /^\| \d/),
      command.exitCodes.map(([code, when]) => `| ${code} | ${when} |`),
    );
  });
}
