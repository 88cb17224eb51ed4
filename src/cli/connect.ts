/**
 * `everfresh connect URL`: lines become messages, messages become lines, over a connection that comes back.
 */
import { InvalidOptionError, InvalidUriError } from "../index.ts";
import type { Arguments, OptionTable } from "./arguments.ts";
import type { Command } from "./command.ts";
import { type ConnectEvent, jsonLine, plainLine } from "./connect/event.ts";
import { editLines, type LineEditor } from "./connect/line-editor.ts";
import { linesOf } from "./connect/lines.ts";
import { LINGER, planOf } from "./connect/plan.ts";
import { Session, type Tell } from "./connect/session.ts";
import { EXIT_DONE, EXIT_FAILED, UsageError } from "./exit-code.ts";
import type { Host } from "./host.ts";
import type { Output } from "./output.ts";
import { systemCode } from "./system-code.ts";
import { inTone } from "./tone.ts";

const OPTIONS = {
  header: {
    short: "H",
    value: "'NAME: VALUE'",
    repeatable: true,
    doc: "A header of the upgrade request. Its value is never printed.",
  },
  subprotocol: {
    short: "s",
    value: "NAME",
    repeatable: true,
    doc: "A subprotocol to ask for, in order of preference.",
  },
  compress: { doc: "Offer to compress messages (permessage-deflate); the server may decline." },
  "max-redirects": {
    value: "N",
    doc: "Follow that many redirects at the most. Headers given here don't go along to another origin. Default 0.",
  },
  "ping-interval": { value: "MS", doc: "Ping this often while open; 0: never. Default 30000." },
  "connect-timeout": {
    value: "MS",
    doc: "How long an attempt may take to reach the server, and then to get its answer; 0: no limit. Default 10000.",
  },
  "no-reconnect": {
    doc: "Exit at the first end of the connection, with 0 if the server closed it with 1000 or no code, else with 1.",
  },
  "max-messages": {
    value: "N",
    doc: "Exit with 0 after N messages, text or binary. The input's end then ends nothing, unless --linger is given.",
  },
  linger: {
    value: "MS",
    doc: `After the input's end, once all of it is sent, exit with 0 when nothing has come for this long. Default ${LINGER}; 0 in a terminal (Ctrl-D); for ever, if there was no line at all.`,
  },
  json: { doc: "Everything that happens as JSON on standard output, one object a line." },
  raw: {
    doc: "Messages as they came, nothing escaped: text with a line feed after it, binary data without. Not to a terminal.",
  },
  quiet: { short: "q", doc: "On standard error only errors and warnings." },
  ca: { value: "FILE", doc: "Trust the authorities in this PEM file, and no others." },
  cert: { value: "FILE", doc: "A client certificate in PEM; with --key." },
  key: { value: "FILE", doc: "The client certificate's key in PEM." },
  insecure: {
    doc: "DANGEROUS: do not check the server's certificate. Anybody on the way can read and change everything.",
  },
} as const satisfies OptionTable;

export const connect: Command = {
  name: "connect",
  summary: "Send lines to a server and print what it sends, over a connection that comes back.",
  usage: "[options] URL",
  description: [
    'Lines of the standard input go out as text messages, and each text message that comes is a line on the standard output, its control characters escaped. A binary message is a line like "binary 3 bytes: 010203". What happens to the connection is told on the standard error.',
    "A connection that ends is made anew, with growing waits; lines wait meanwhile. When the input ends, the command ends too: once all is sent, and nothing has come for a second.",
    "URL is ws://host, wss://host, http:// or https:// for the same, or ws+unix:/path/to.sock:/request/path.",
  ],
  options: OPTIONS,
  examples: [
    ["everfresh connect wss://example.com/feed", "Type lines, read messages; Ctrl-D or Ctrl-C ends it."],
    ["echo hello | everfresh connect ws://127.0.0.1:8080", "Send a line, print the answers, exit."],
    ["everfresh connect --max-messages 10 ws://127.0.0.1:8080 < /dev/null", "Only listen, to ten messages."],
    ["everfresh connect -H 'Authorization: Bearer …' --json wss://example.com | jq .data", "Events for a program."],
    [
      "everfresh connect --no-reconnect --linger 0 ws://127.0.0.1:8080 < /dev/null && echo up",
      "Only ask whether a server is there.",
    ],
  ],
  exitCodes: [
    [
      0,
      "Done: --max-messages have come, the input has ended and was sent, the server closed with 1000 or no code (--no-reconnect), or nobody reads the output any more.",
    ],
    [
      1,
      "The connection failed or ended with a fault (with --no-reconnect, or after the input's end); a line was not sent; or the input can't be read, or the output written.",
    ],
    [2, "The command line can't be carried out; nothing was opened."],
    [130, "SIGINT (Ctrl-C): closed with 1001. A second one ends at once. 143 for SIGTERM, 129 for SIGHUP."],
  ],
  run,
};

async function run(args: Arguments, host: Host): Promise<number> {
  const { input, output, errors } = host;
  const plan = planOf(args, input.isTTY === true);
  if (args.has("raw") && args.has("json")) throw new UsageError("--raw and --json are two ways to print. Choose one.");
  if (args.has("raw") && output.isTerminal) {
    throw new UsageError(
      "--raw doesn't print to a terminal: what a server sends could drive it. Leave it out, or send the output to a file or a pipe.",
    );
  }
  warn(args, plan.uri, errors);

  const editor = input.isTTY && output.hasCursor ? editLines(input, output.stream, () => host.interrupt()) : undefined;
  const tell = teller(args, host, editor);
  let session: Session;
  try {
    session = new Session(plan, tell);
  } catch (error) {
    editor?.close();
    if (error instanceof InvalidUriError || error instanceof InvalidOptionError) throw new UsageError(error.message);
    throw error;
  }

  host.onInterrupt((code) => {
    output.abandon();
    session.end({ code, cause: "interrupted" }, "shutdown");
  });
  void output.broken.then((error) => {
    if (systemCode(error) === "EPIPE") {
      session.end({ code: EXIT_DONE, cause: "output_closed" }, "shutdown");
    } else {
      errors.line(`everfresh: The output can't be written (${systemCode(error)}).`);
      session.end({ code: EXIT_FAILED, cause: "output_failed" }, "shutdown");
    }
  });
  let over = false;
  session.feed(editor?.lines ?? linesOf(input)).catch((error) => {
    // The input is torn away at the end, which is no fault of it.
    if (over) return;
    errors.line(`everfresh: The input can't be read (${systemCode(error)}).`);
    session.end({ code: EXIT_FAILED, cause: "input_failed" });
  });

  const { code, cause } = await session.ended;
  over = true;
  editor?.close();
  input.destroy();
  tell({ type: "exit", code, cause });
  return code;
}

function teller(args: Arguments, { output, errors }: Host, editor: LineEditor | undefined): Tell {
  const above = editor === undefined ? <T>(write: () => T): T => write() : editor.above;
  if (args.has("json")) return (event) => above(() => output.line(jsonLine(event, new Date())));
  const raw = args.has("raw");
  const quiet = args.has("quiet");
  return (event: ConnectEvent) => {
    if (raw && event.type === "message") return output.line(event.data);
    if (raw && event.type === "binary") return output.write(event.data);
    const plain = plainLine(event);
    if (plain === undefined) return undefined;
    if (plain.to === "output") return above(() => output.line(plain.line));
    if (plain.to === "error" || !quiet) {
      // Nobody waits for the reader of these: they are few.
      above(() => void errors.line(inTone(errors, plain.to === "error" ? "red" : "dim", `everfresh: ${plain.line}`)));
    }
    return undefined;
  };
}

/** What a user had better know before anything is sent; not even --quiet holds it back. */
function warn(args: Arguments, uri: string, errors: Output): void {
  if (args.has("insecure")) {
    for (const line of [
      "WARNING: --insecure: the server's certificate is NOT checked.",
      "WARNING: Anybody on the way can pose as the server, read all that is sent and change all that comes.",
      "WARNING: To trust a private authority, use --ca FILE instead.",
    ]) {
      errors.line(inTone(errors, "red", line));
    }
  }
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (url?.username || url?.password) {
    errors.line(
      "everfresh: The user name and password in the address are not sent. Use --header 'Authorization: Basic …'.",
    );
  }
}
