/**
 * Between Elixir terms and everfresh's values: what a module of the data is given and answers, as everfresh says it.
 *
 * The translations that docs/decisions/fresh-differences.md lists as standing ones are made here, and nowhere else.
 */
import type { CallbackName, ConnectionResponse, GenericResponse, Options } from "../../src/behaviour.ts";
import { close, ignore, ok, reconnect, reply, stop } from "../../src/behaviour.ts";
import type { Name } from "../../src/connection/option-types.ts";
import { type FrameLike, ping, pong } from "../../src/frame.ts";
import { type Extension, type PermessageDeflateOptions, permessageDeflate } from "../../src/protocol/index.ts";
import type { ExitReason } from "../../src/supervision/exit-reason.ts";
import { headerPairs } from "./errors.ts";
import { type Offer, offersOf } from "./mint-extensions.ts";
import { atom, binary, isAtom, number, showTerm, string, type Term, textOf, tuple } from "./terms.ts";

export type State = Term;
export type Response = GenericResponse<State> | ConnectionResponse<State>;

export const CALLBACKS: readonly (readonly [elixir: string, name: CallbackName])[] = [
  ["handle_connect", "handleConnect"],
  ["handle_control", "handleControl"],
  ["handle_in", "handleIn"],
  ["handle_info", "handleInfo"],
  ["handle_disconnect", "handleDisconnect"],
  ["handle_error", "handleError"],
  ["handle_terminate", "handleTerminate"],
];

/** `nil` is what was left out. */
const NIL = atom("nil");
const orNil = (value: Term | undefined): Term => value ?? NIL;
const isNil = (term: Term | undefined): boolean => term === undefined || isAtom(term, "nil");

// ── Frames ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** A frame as a module would give it; what is none in Elixir is none here either. */
export function frameOf(term: Term): FrameLike {
  if (isAtom(term, "ping")) return ping();
  if (isAtom(term, "pong")) return pong();
  if (isAtom(term, "close")) return { type: "close" };
  if (term.kind !== "tuple" || term.items[0]?.kind !== "atom") return term as unknown as FrameLike;
  const [{ name: type }, payload, reason] = term.items as [Extract<Term, { kind: "atom" }>, Term?, Term?];
  if (type === "close") {
    const code = numberOf(payload);
    const said = isNil(reason) ? undefined : messageText(reason);
    return { type: "close", ...(code === undefined ? {} : { code }), ...(said === undefined ? {} : { reason: said }) };
  }
  const data =
    payload?.kind !== "binary" ? undefined : type === "text" ? messageText(payload) : Uint8Array.from(payload.bytes);
  return { type, data } as FrameLike;
}

// A JavaScript string can't hold bytes that are no UTF-8. The nearest that can't be sent as text either is a lone surrogate.
function messageText(term: Term | undefined): string {
  return textOf(term) ?? "\ud800";
}

function numberOf(term: Term | undefined): number | undefined {
  return term?.kind === "number" ? term.value : undefined;
}

/** A frame that was received, as Elixir has it. */
export function receivedFrameTerm(frame: { readonly type: string; readonly data: string | Uint8Array }): Term {
  return tuple(atom(frame.type), typeof frame.data === "string" ? string(frame.data) : binary(frame.data));
}

// ── Responses ────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a callback returns for an answer of the data; what is no response in Elixir is none here either. */
export function responseOf(term: Term): Response {
  if (isAtom(term, "reconnect")) return reconnect();
  if (isAtom(term, "close")) return stop();
  if (term.kind !== "tuple") return term as unknown as Response;
  const [tag, first, second, third] = term.items;
  const { length } = term.items;
  if (length === 2 && first !== undefined) {
    if (isAtom(tag, "ok")) return ok(first);
    if (isAtom(tag, "ignore")) return ignore(first);
    if (isAtom(tag, "reconnect")) return reconnect(first);
    if (isAtom(tag, "close")) return stop(exitReasonOf(first));
  }
  if (length === 3 && first !== undefined && second !== undefined && isAtom(tag, "reply")) {
    return reply(first.kind === "list" ? first.items.map(frameOf) : frameOf(first), second);
  }
  if (length === 4 && isAtom(tag, "close") && third !== undefined) {
    return close(numberOf(first) as number, (isNil(second) ? undefined : messageText(second)) as string, third);
  }
  return term as unknown as Response;
}

/** A response of everfresh's defaults as Elixir has it. `undefined` is handle_terminate's `:ok`. */
export function responseTerm(response: Response | undefined): Term {
  if (response === undefined) return atom("ok");
  switch (response.type) {
    case "ok":
    case "ignore":
      return tuple(atom(response.type), response.state);
    case "reconnect":
      return response.state === undefined ? atom("reconnect") : tuple(atom("reconnect"), response.state.value);
    case "stop":
      return response.reason === "normal" ? atom("close") : tuple(atom("close"), exitReasonTerm(response.reason));
    default:
      throw new RangeError(`No default of everfresh answers ${response.type}.`);
  }
}

// ── Exit reasons ─────────────────────────────────────────────────────────────────────────────────────────────────

/** What a module raises, throws or exits with becomes what its JavaScript callback throws. */
export class Thrown extends Error {
  readonly term: Term;

  constructor(term: Term) {
    super(showTerm(term));
    this.term = term;
  }
}

/** `:boom` is "boom", and `{:shutdown, :x}` is { shutdown: "x" }: an atom is a string, a tagged tuple an object. */
export function exitReasonOf(term: Term): ExitReason {
  return plainValueOf(term) as ExitReason;
}

function plainValueOf(term: Term): unknown {
  switch (term.kind) {
    case "atom":
      return term.name;
    case "number":
      return term.value;
    case "tuple": {
      const [tag, ...rest] = term.items;
      if (tag?.kind !== "atom" || rest.length === 0) return term.items.map(plainValueOf);
      return {
        [tag.name]: rest.length === 1 && rest[0] !== undefined ? plainValueOf(rest[0]) : rest.map(plainValueOf),
      };
    }
    default:
      return showTerm(term);
  }
}

/** The exit reason of a callback that failed: which, and with what. A bad answer is `:bad_response`. */
export const crashTerm = (callback: string, error: Term): Term => tuple(atom("callback_failed"), atom(callback), error);

export function exitReasonTerm(reason: ExitReason): Term {
  return termOf(reason);
}

function termOf(value: unknown): Term {
  if (typeof value === "string") return atom(value);
  if (typeof value === "number") return number(value);
  if (Array.isArray(value)) return tuple(...value.map(termOf));
  if (typeof value !== "object" || value === null) return orNil(undefined);
  if (value instanceof Error) return value instanceof Thrown ? value.term : atom(value.constructor.name);
  if ("error" in value && "callback" in value) {
    const elixir = CALLBACKS.find(([, name]) => name === value.callback)?.[0] ?? String(value.callback);
    return crashTerm(elixir, value.error instanceof Thrown ? value.error.term : atom("bad_response"));
  }
  const [[tag, inner] = ["", undefined]] = Object.entries(value);
  return Array.isArray(inner) ? tuple(atom(tag), ...inner.map(termOf)) : tuple(atom(tag), termOf(inner));
}

// ── Options and names ────────────────────────────────────────────────────────────────────────────────────────────

/** "localhost" without the resolver, whose threads the replay's time can't see. */
const LOCAL_LOOKUP = {
  lookup: (
    _host: string,
    _options: unknown,
    found: (error: null, addresses: { address: string; family: number }[]) => void,
  ) => found(null, [{ address: "127.0.0.1", family: 4 }]),
};

/** What the replay sets in every scenario: reconnecting is quick and without chance, and no deadline outlasts a scenario. */
export const STANDING_OPTIONS = {
  backoffInitial: 4,
  backoffFactor: 1,
  backoffJitter: "none",
  retryAfter: false,
  closeTimeout: 230,
  transportOptions: LOCAL_LOOKUP,
  // The first ping comes after a whole interval: drawn, it would now and then come within a scenario.
  random: () => 0,
} as const;

export type OptionsContext = {
  /** Names live in one process here, so each scenario has its own. */
  readonly namePrefix: string;
  /** The certificate of the replay's own peer, for a `cacertfile`. */
  readonly certificate: string;
};

/** The options of the data as everfresh's. @throws RangeError for one that has no translation */
export function optionsOf(term: Term, context: OptionsContext): Options<State> {
  if (term.kind !== "list") throw new RangeError(`No interpretation for the options ${showTerm(term)}.`);
  const options: Record<string, unknown> = {};
  for (const entry of term.items) {
    const [key, value] = entry.kind === "tuple" ? entry.items : [];
    if (key?.kind !== "atom" || value === undefined) throw new RangeError(`No interpretation for ${showTerm(entry)}.`);
    Object.assign(options, optionOf(key.name, value, context));
  }
  return options as Options<State>;
}

function optionOf(key: string, value: Term, context: OptionsContext): Readonly<Record<string, unknown>> {
  switch (key) {
    case "name":
      return { name: nameOf(value, context) };
    case "headers":
      return { headers: headerPairs(value) };
    case "ping_interval":
      return isNil(value) ? {} : { pingInterval: plainValueOf(value) };
    case "error_logging":
      return { errorLogging: isAtom(value, "true") };
    case "info_logging":
      return { infoLogging: isAtom(value, "true") };
    case "transport_opts":
      return transportOptionsOf(value, context);
    case "mint_upgrade_opts":
      return { upgradeOptions: { extensions: offersOf(value).map(extensionOf) } };
    default:
      return { [key]: plainValueOf(value) };
  }
}

function transportOptionsOf(options: Term, { certificate }: OptionsContext): Readonly<Record<string, unknown>> {
  let tls: { readonly rejectUnauthorized?: boolean; readonly ca?: string } = {};
  let own: { readonly connectTimeout?: number | undefined } = {};
  for (const entry of options.kind === "list" ? options.items : []) {
    const [key, value] = entry.kind === "tuple" ? entry.items : [];
    if (isAtom(key, "verify")) tls = { ...tls, rejectUnauthorized: !isAtom(value, "verify_none") };
    else if (isAtom(key, "cacertfile") || isAtom(key, "cacerts")) tls = { ...tls, ca: certificate };
    else if (isAtom(key, "timeout")) own = { connectTimeout: numberOf(value) };
    else throw new RangeError(`No interpretation for the transport option ${showTerm(entry)}.`);
  }
  return { ...own, transportOptions: { ...LOCAL_LOOKUP, ...(Object.keys(tls).length === 0 ? {} : { tls }) } };
}

/** Mint offers what it is told and no more, and compresses whatever the length. */
function extensionOf({ parameters, level, memLevel }: Offer): Extension {
  const options: Record<string, unknown> = { clientMaxWindowBits: false, threshold: 0, level, memLevel };
  for (const [name, value = "true"] of parameters) {
    const option = name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    options[option] = value === "true" ? true : /^\d+$/.test(value) ? Number(value) : value;
  }
  return permessageDeflate(options as PermessageDeflateOptions);
}

/** `{:local, :a}` and, in JavaScript, a bare name are strings; `{:global, _}` and `{:via, _, _}` keep their forms. */
export function nameOf(term: Term, { namePrefix }: OptionsContext): Name {
  const [tag, first, second] = term.kind === "tuple" ? term.items : [];
  if (isAtom(tag, "global")) return { global: namePrefix + showTerm(first ?? NIL) };
  if (isAtom(tag, "via")) return { via: EMPTY_REGISTRY, name: namePrefix + showTerm(second ?? NIL) };
  return namePrefix + showTerm(isAtom(tag, "local") ? orNil(first) : term);
}

const EMPTY_REGISTRY = { register: () => undefined, unregister: () => undefined, lookup: () => [] };
