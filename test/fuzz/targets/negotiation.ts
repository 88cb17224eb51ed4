/**
 * Agreeing on permessage-deflate (RFC 7692 §7.1): an input is a Sec-WebSocket-Extensions value, taken for a server's answer and for a
 * client's offers, under options that are drawn. Both verdicts are held against a plain restatement of the rules.
 */
import assert from "node:assert/strict";
import {
  agreeTo,
  answerTo,
  type ExtensionEntry,
  extensionsOf,
  type PermessageDeflateOptions,
  permessageDeflate,
} from "../../../src/protocol/index.ts";
import { latin1, TEXT_MUTATORS } from "../message-head.ts";
import type { Random } from "../random.ts";
import type { Target } from "../target.ts";

const NAME = "permessage-deflate";
const SETTINGS = { maxMessageSize: 1000, hibernates: false };

export function drawOptions(random: Random): PermessageDeflateOptions {
  const bits = () => 8 + random.below(8);
  return {
    serverNoContextTakeover: random.once(2),
    clientNoContextTakeover: random.once(2),
    ...(random.once(2) ? { serverMaxWindowBits: bits() } : {}),
    ...(random.once(2) ? { clientMaxWindowBits: random.pick([true, false, bits()]) } : {}),
    threshold: random.pick([0, 1, 64]),
    level: random.below(10),
    memLevel: 1 + random.below(9),
  };
}

type Parameters = {
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  /** Undefined: not named. */
  readonly serverBits: number | undefined;
  readonly clientBits: number | "any" | undefined;
};

/** The parameters as RFC 7692 has them; undefined when one is not as it should be. */
function parametersOf({ parameters }: ExtensionEntry, of: "offer" | "answer"): Parameters | undefined {
  const said = new Map(parameters);
  if (said.size !== parameters.length) return undefined;
  for (const [name, value] of said) {
    const isBits = value !== undefined && /^([89]|1[0-5])$/.test(value);
    const right =
      name === "server_no_context_takeover" || name === "client_no_context_takeover"
        ? value === undefined
        : name === "server_max_window_bits"
          ? isBits
          : name === "client_max_window_bits" && (isBits || (value === undefined && of === "offer"));
    if (!right) return undefined;
  }
  const bitsOf = (name: string) => (said.get(name) === undefined ? undefined : Number(said.get(name)));
  return {
    serverNoContextTakeover: said.has("server_no_context_takeover"),
    clientNoContextTakeover: said.has("client_no_context_takeover"),
    serverBits: bitsOf("server_max_window_bits"),
    clientBits: bitsOf("client_max_window_bits") ?? (said.has("client_max_window_bits") ? "any" : undefined),
  };
}

/** May a client that has offered this take that answer? */
function keepsTo(answer: Parameters, offer: Parameters): boolean {
  if (offer.serverNoContextTakeover && !answer.serverNoContextTakeover) return false;
  if (offer.serverBits !== undefined && (answer.serverBits ?? 15) > offer.serverBits) return false;
  return answer.clientBits === undefined || offer.clientBits !== undefined;
}

function offerOf(options: PermessageDeflateOptions): Parameters {
  const { clientMaxWindowBits = true } = options;
  return {
    serverNoContextTakeover: options.serverNoContextTakeover === true,
    clientNoContextTakeover: options.clientNoContextTakeover === true,
    serverBits: options.serverMaxWindowBits,
    clientBits: clientMaxWindowBits === true ? "any" : clientMaxWindowBits === false ? undefined : clientMaxWindowBits,
  };
}

/** What a client with these options says to an answer. */
function judgesRightly(entries: readonly ExtensionEntry[], options: PermessageDeflateOptions): string {
  const result = agreeTo(entries, [permessageDeflate(options)], { ...SETTINGS, role: "client" });
  const answers = entries.map((entry) => (entry.name === NAME ? parametersOf(entry, "answer") : undefined));
  const right =
    answers.length <= 1 && answers.every((answer) => answer !== undefined && keepsTo(answer, offerOf(options)));
  assert.equal(result.type, right ? "agreed" : "refused");
  if (result.type === "refused") {
    assert.ok(result.message.length < 400, `a message of ${result.message.length} characters`);
    return result.message.slice(-30);
  }
  assert.equal(result.stack === undefined, entries.length === 0);
  result.stack?.close();
  return "agreed";
}

/** What a server with these options answers to offers. */
function answersRightly(entries: readonly ExtensionEntry[], options: PermessageDeflateOptions): string {
  const offers = entries.flatMap((entry) => (entry.name === NAME ? (parametersOf(entry, "offer") ?? []) : []));
  const stack = answerTo(entries, [permessageDeflate(options)], { ...SETTINGS, role: "server" });
  stack?.close();
  const own = options.clientMaxWindowBits;
  const asksForLess = typeof own === "number" && own < 15;
  // A client that doesn't name the parameter can't be asked for a smaller window.
  const offer = offers.find(({ clientBits }) => !asksForLess || clientBits !== undefined);
  assert.equal(stack === undefined, offer === undefined, "it declines what it could agree to, or the reverse");
  if (stack === undefined || offer === undefined) return "declined";
  const [entry, ...more] = extensionsOf([stack.header]) ?? [];
  assert.ok(entry?.name === NAME && more.length === 0, stack.header);
  const answer = parametersOf(entry, "answer");
  assert.ok(answer !== undefined && keepsTo(answer, offer), `${stack.header} is no answer to the offer`);
  assert.ok(!options.serverNoContextTakeover || answer.serverNoContextTakeover, "its own wish is forgotten");
  assert.ok(!options.clientNoContextTakeover || answer.clientNoContextTakeover, "its own wish is forgotten");
  assert.ok((answer.serverBits ?? 15) <= (options.serverMaxWindowBits ?? 15), "its own window is forgotten");
  if (asksForLess)
    assert.ok(typeof answer.clientBits === "number" && answer.clientBits <= own, "the window it asks for");
  return stack.header;
}

export const negotiation: Target = {
  name: "deflate-negotiation",
  corpus: "extensions-field",
  mutators: TEXT_MUTATORS,
  check(input, random) {
    const entries = extensionsOf([latin1(input)]);
    if (entries === undefined) return "none";
    const options = drawOptions(random);
    return `${judgesRightly(entries, options)} ${answersRightly(entries, options)}`;
  },
};
