/**
 * The texts of `--help`, made of what the commands say of themselves.
 */
import { HELP, type OptionSpec } from "./arguments.ts";
import type { Command } from "./command.ts";

const WIDTH = 100;

/** The help of `everfresh` itself. */
export function generalHelp(commands: readonly Command[]): string {
  return [
    "everfresh: WebSocket connections that stay up.",
    "",
    "Usage: everfresh COMMAND [options]",
    "",
    "Commands",
    ...columns(commands.map(({ name, summary }) => [name, summary])),
    "",
    "Options",
    ...columns([
      [optionName("help", HELP), "Show this help; after a command, that command's."],
      [optionName("version", { short: "V", doc: "" }), "Show the version and exit."],
    ]),
    "",
    "Exit codes",
    ...columns([
      ["0", "It did what it was asked for."],
      ["1", "The connection failed or ended with a fault; each command's help says more."],
      ["2", "The command line can't be carried out; nothing was opened."],
      ["3, 4", "Of run: its supervisor gave up, or it was cut off."],
      ["129, 130, 143", "Ended by SIGHUP, SIGINT (Ctrl-C) or SIGTERM, after an orderly close."],
    ]),
    "",
    "Examples",
    "  everfresh demo",
    "  everfresh listen",
    "  everfresh connect ws://127.0.0.1:8080",
    "  everfresh connect --help",
    "",
  ].join("\n");
}

/** The help of one command. */
export function commandHelp(command: Command): string {
  const options = optionsOf(command);
  return [
    `Usage: everfresh ${command.name} ${command.usage}`.trimEnd(),
    "",
    ...command.description.flatMap((paragraph) => [...wrap(paragraph, WIDTH), ""]),
    "Options",
    ...columns(options.map(([name, spec]) => [optionName(name, spec), docOf(spec)])),
    "",
    "Exit codes",
    ...columns(command.exitCodes.map(([code, when]) => [String(code), when])),
    "",
    "Examples",
    ...command.examples.flatMap(([line, what]) => [
      `  ${line}`,
      ...wrap(what, WIDTH - 6).map((part) => `      ${part}`),
    ]),
    "",
  ].join("\n");
}

/** All options of a command, --help included. */
export function optionsOf(command: Command): readonly (readonly [name: string, spec: OptionSpec])[] {
  return Object.entries<OptionSpec>({ ...command.options, help: HELP });
}

function optionName(name: string, { short, value }: OptionSpec): string {
  return `${short === undefined ? "    " : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`;
}

/** What the help says of an option. */
export function docOf({ doc, repeatable }: OptionSpec): string {
  return repeatable ? `${doc} May be given several times.` : doc;
}

function columns(rows: readonly (readonly [left: string, right: string])[]): readonly string[] {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.flatMap(([left, right]) =>
    wrap(right, WIDTH - width - 2).map((part, index) => `  ${(index === 0 ? left : "").padEnd(width)}${part}`),
  );
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) as string;
    if (line !== "" && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines;
}
