/**
 * `everfresh demo`: a local server breaks in several ways, a client stays on it, and a table tells how that went.
 */
import type { ExitReason, Options } from "../index.ts";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { FAULTS } from "./demo/faults.ts";
import { PriceFeed, SYMBOLS } from "./demo/feed.ts";
import { Orders } from "./demo/orders.ts";
import { doubtsOf, sums, table } from "./demo/outcome.ts";
import { priceWatch, WATCH, type Watch } from "./demo/price-watch.ts";
import { type Narrate, Story } from "./demo/story.ts";
import { EXIT_DONE, EXIT_FAILED, UsageError } from "./exit-code.ts";
import type { Host } from "./host.ts";
import type { Output } from "./output.ts";
import { inTone } from "./tone.ts";

/** The demo takes about fifteen seconds; past this, something hangs. In ms. */
const DEADLINE = 40_000;
/** ms from order to order. */
const ORDER_INTERVAL = 100;

/** Shorter times than the defaults, for a demo that should not take an hour. */
const OPTIONS: Options<Watch> = {
  pingInterval: 500,
  pongTimeout: 1000,
  backoffInitial: 200,
  stableAfter: 1000,
  // The story tells it.
  errorLogging: false,
  infoLogging: false,
};

export const demo: Command = {
  name: "demo",
  summary: "Watch a connection survive a server that breaks in several ways; takes about fifteen seconds.",
  usage: "",
  description: [
    "A local price feed resets connections, hangs up, refuses with 503, goes silent, breaks the protocol and restarts; a client of everfresh stays on it. Ends by itself with a table of what happened, and with 1 if anything was not as it should be.",
  ],
  options: {},
  examples: [["everfresh demo", "Needs no network and no terminal."]],
  exitCodes: [
    [0, "All went as it should: every fault was seen for what it was, and survived."],
    [1, "Something didn't; the last lines say what."],
    [2, "The command line can't be carried out."],
    [130, "SIGINT (Ctrl-C); 143 for SIGTERM, 129 for SIGHUP."],
  ],
  run,
};

async function run(args: Arguments, host: Host): Promise<number> {
  if (args.positionals.length > 0) throw new UsageError("demo takes no arguments: everfresh demo");
  const { output, errors } = host;
  const screen = new Screen(output);
  const story = new Story(screen.narrate);
  const feed = await PriceFeed.start(story);
  const orders = new Orders();
  let watch = WATCH;
  screen.line(
    inTone(
      output,
      "bold",
      `A price feed on ${feed.url} is about to break in ${FAULTS.length} ways. Its client should hardly care.`,
    ),
  );
  screen.line("");

  const prices = new Map<string, number>();
  const connection = priceWatch({
    story,
    orders,
    onTick: (symbol, price) => {
      prices.set(symbol, price);
      screen.pulse(SYMBOLS.map((known) => `${known} ${prices.get(known)?.toFixed(2) ?? "–"}`).join("   "));
    },
    onEnd: (last) => {
      watch = last;
    },
  }).start({ uri: feed.url, state: WATCH, options: OPTIONS });
  orders.sendOver(connection, ORDER_INTERVAL);

  const end = await endOf(connection.exited, host);
  orders.stop();
  const exitReason = await connection.stop("shutdown");
  screen.pulse("");
  const serverFault = await feed.stop().then(
    () => undefined,
    (error: unknown) => `The server failed: ${error instanceof Error ? error.message : String(error)}`,
  );
  if (end.type === "interrupted") return end.code;

  const outcome = {
    chapters: story.chapters,
    surprises: story.surprises,
    planned: FAULTS.length,
    watch,
    orders: orders.count,
    exitReason,
    ticks: feed.ticks,
    taken: feed.taken,
    goodbye: feed.goodbye,
  };
  for (const line of ["", ...table(outcome), "", ...sums(outcome), ""]) screen.line(line);
  const doubts = [
    ...(end.type === "late" ? [`The demo was not over after ${DEADLINE / 1000} s.`] : []),
    ...(serverFault === undefined ? [] : [serverFault]),
    ...doubtsOf(outcome),
  ];
  if (doubts.length === 0) {
    const praise = `${FAULTS.length} faults, each seen for what it was, and all survived.`;
    screen.line(inTone(output, "green", praise));
    screen.line("Now you: run `npx everfresh listen`, and `npx everfresh connect ws://127.0.0.1:8080` beside it.");
    return EXIT_DONE;
  }
  for (const doubt of doubts) errors.line(inTone(errors, "red", `everfresh: ${doubt}`));
  return EXIT_FAILED;
}

type End = { readonly type: "over" | "late" } | { readonly type: "interrupted"; readonly code: number };

function endOf(exited: Promise<ExitReason>, host: Host): Promise<End> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve({ type: "late" }), DEADLINE);
    const end = (how: End) => {
      clearTimeout(timer);
      resolve(how);
    };
    void exited.then(() => end({ type: "over" }));
    host.onInterrupt((code) => end({ type: "interrupted", code }));
    void host.output.broken.then(() => end({ type: "interrupted", code: EXIT_DONE }));
  });
}

/** The story line by line; where a cursor can be moved, with the newest prices under it. */
class Screen {
  readonly #output: Output;
  #pulse = "";

  constructor(output: Output) {
    this.#output = output;
  }

  readonly narrate: Narrate = (at, who, what) => {
    const time = `${(at / 1000).toFixed(2).padStart(7)} s`;
    const tone = who === "server" ? "yellow" : what.startsWith("sees") ? "red" : "green";
    this.line(`${inTone(this.#output, "dim", time)}  ${inTone(this.#output, tone, `${who} ${what}`)}`);
  };

  line(text: string): void {
    if (this.#pulse !== "") this.#output.write("\r\u001b[K");
    this.#output.line(text);
    if (this.#pulse !== "") this.#output.write(this.#pulse);
  }

  /** A line that the next one takes the place of; an empty one takes it away. */
  pulse(text: string): void {
    if (!this.#output.hasCursor) return;
    if (this.#pulse !== "" || text !== "") this.#output.write(`\r\u001b[K${inTone(this.#output, "dim", text)}`);
    this.#pulse = text === "" ? "" : inTone(this.#output, "dim", text);
  }
}
