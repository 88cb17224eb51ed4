/**
 * docs/options.md as text, from the table of options: what validates an option is what documents it.
 */
import { OPTIONS, type OptionEntry } from "../src/connection/options.ts";

type OptionName = keyof typeof OPTIONS;

/** The chapters of the page: title, what holds for all of it, its options. A test sees to it that each option has one. */
export const CHAPTERS: readonly (readonly [title: string, introduction: string, names: readonly OptionName[]])[] = [
  ["Who and where", "", ["name", "headers", "transportOptions", "upgradeOptions", "maxRedirects"]],
  [
    "Is the other end still there?",
    "See [the guide](guide.md#timeouts-and-heartbeats).",
    ["pingInterval", "pongTimeout"],
  ],
  [
    "Waiting between attempts",
    "The ceiling of the nth wait in a row is `min(backoffMax, backoffInitial · backoffFactorⁿ)`, n from 0. `reconnect(state, { after })` takes the place of all of it, and `connection.reconnect()` waits not at all.",
    ["backoffInitial", "backoffMax", "backoffFactor", "backoffJitter", "stableAfter", "retryAfter"],
  ],
  [
    "Replacing a live connection",
    "See [the guide](guide.md#replacing-a-live-connection). `connection.replace()` does it at once.",
    ["replaceAfter"],
  ],
  ["Deadlines", "", ["providerTimeout", "connectTimeout", "upgradeTimeout", "closeTimeout"]],
  [
    "Bounds",
    "Every queue has one. What is dropped is counted in `connection.stats.dropped`.",
    ["outbox", "sendBuffer", "onDrop", "inbox", "maxMessageSize", "maxFragments"],
  ],
  ["Logging", "", ["errorLogging", "infoLogging", "logger"]],
  ["The process", "", ["hibernateAfter", "ref", "signal"]],
  ["Tests", "", ["clock", "random"]],
];

const HEAD = `# Options

<!-- Written by \`npm run docs\` from src/connection/options.ts. Don't edit this page: edit the table there. -->

All options of a connection. Each may be left out. \`undefined\` is the same as leaving it out.

\`\`\`ts
Counter.start({ uri, state: 0, options: { name: "counter", pingInterval: 20_000 } });
Fresh.start(uri, Counter, 0, { name: "counter", pingInterval: 20_000 });
\`\`\`

They are checked when the connection is started, before anything is opened. An option that can't be taken is an
\`InvalidOptionError\`: its \`option\` says which, its message what it got and what it takes. A name that there isn't is refused
too, with the nearest one that there is.

Times are in milliseconds, sizes in bytes. 1 MiB is 1048576.
`;

/** The whole page. */
export function optionsPage(): string {
  return [HEAD, ...CHAPTERS.map(([title, introduction, names]) => chapter(title, introduction, names))].join("\n");
}

function chapter(title: string, introduction: string, names: readonly OptionName[]): string {
  const head = introduction === "" ? `## ${title}\n` : `## ${title}\n\n${introduction}\n`;
  return [head, ...names.map((name) => entry(name, OPTIONS[name]))].join("\n");
}

function entry(name: string, { type, unit, default: standard, doc }: OptionEntry): string {
  const facts = [`\`${type}\``, ...(unit === undefined ? [] : [unit]), `default: ${shown(standard)}`];
  return `### ${name}\n\n${facts.join(" · ")}\n\n${doc}\n`;
}

// A default that is a value stands as code; one in words, or a dash for none, as it is.
function shown(standard: string): string {
  if (standard === "–") return "none";
  return /^[a-z ]+$/.test(standard) && !["true", "false", "console"].includes(standard) ? standard : `\`${standard}\``;
}
