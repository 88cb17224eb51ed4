#!/usr/bin/env node
/**
 * The command `everfresh`: finds the sub-command, and turns what comes of it into an exit code.
 */
import { nearestName } from "../nearest.ts";
import { VERSION } from "../transport/user-agent.ts";
import { parseArguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { connect } from "./connect.ts";
import { demo } from "./demo.ts";
import { EXIT_DONE, EXIT_USAGE, UsageError } from "./exit-code.ts";
import { commandHelp, generalHelp } from "./help.ts";
import { type Host, processHost } from "./host.ts";
import { listen } from "./listen.ts";
import { run } from "./run.ts";

const COMMANDS: readonly Command[] = [connect, listen, run, demo];

const host = processHost();
const exitCode = await main(process.argv.slice(2), host);
await Promise.all([host.output.flushed(), host.errors.flushed()]);
process.exit(exitCode);

async function main([name, ...args]: readonly string[], host: Host): Promise<number> {
  const command = COMMANDS.find((known) => known.name === name);
  try {
    if (command !== undefined) return await runCommand(command, args, host);
    if (name === "--version" || name === "-V") {
      host.output.line(VERSION);
    } else if (name === "--help" || name === "-h") {
      host.output.write(generalHelp(COMMANDS));
    } else {
      throw unknownCommand(name);
    }
    return EXIT_DONE;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const help = command === undefined ? "everfresh --help" : `everfresh ${command.name} --help`;
    host.errors.line(`everfresh: ${error.message}\n"${help}" tells more.`);
    return EXIT_USAGE;
  }
}

async function runCommand(command: Command, args: readonly string[], host: Host): Promise<number> {
  const parsed = parseArguments(args, command.options);
  if (!parsed.has("help")) return command.run(parsed, host);
  host.output.write(commandHelp(command));
  return EXIT_DONE;
}

function unknownCommand(name: string | undefined): UsageError {
  const names = COMMANDS.map((command) => command.name);
  if (name === undefined) return new UsageError(`It takes a command: ${names.join(", ")}.`);
  if (name.startsWith("-"))
    return new UsageError(`There is no option ${name} before a command. Commands are ${names.join(", ")}.`);
  const nearest = nearestName(name, names);
  return new UsageError(
    `There is no command ${JSON.stringify(name)}.${nearest === undefined ? ` There are ${names.join(", ")}.` : ` Did you mean ${nearest}?`}`,
  );
}
