/** Options: their names and types, and what the functions among them are given. */
import { Agent } from "node:http";
import {
  type Asking,
  type Connection,
  type DropCause,
  type Frame,
  Fresh,
  type FreshModule,
  type HeadersInput,
  type Logger,
  type Options,
  type Provider,
  type Refreshable,
  reconnect,
  refreshable,
} from "../../src/index.ts";
import { exactly, uri } from "./same.ts";

declare const Counter: FreshModule<number>;
declare const registry: { register(): void; unregister(): void; lookup(): readonly { readonly connection: unknown }[] };

export const all: Options<number> = {
  name: "counter",
  headers: { Authorization: "Bearer x", "X-Many": ["1", "2"] },
  transportOptions: { agent: new Agent(), ca: "…", localAddress: "127.0.0.1", family: 4, tls: { servername: "x" } },
  upgradeOptions: { subprotocols: ["chat"], extensions: [] },
  pingInterval: 0,
  pongTimeout: Number.POSITIVE_INFINITY,
  errorLogging: false,
  infoLogging: false,
  logger: console,
  backoffInitial: 1,
  backoffMax: 1,
  backoffFactor: 1,
  backoffJitter: "none",
  stableAfter: 0,
  retryAfter: false,
  providerTimeout: 1,
  connectTimeout: 1,
  upgradeTimeout: 1,
  closeTimeout: 1,
  outbox: { maxMessages: 1, maxBytes: 1, maxAge: 1, overflow: "drop-oldest" },
  sendBuffer: 1,
  onDrop: (frame, cause, self) => {
    exactly<Frame>()(frame, true);
    exactly<DropCause>()(cause, true);
    exactly<Connection<number>>()(self, true);
  },
  inbox: { maxMessages: 1, maxBytes: 1 },
  maxMessageSize: 1,
  maxFragments: 1,
  maxRedirects: 5,
  replaceAfter: Number.POSITIVE_INFINITY,
  hibernateAfter: 1,
  ref: false,
  signal: new AbortController().signal,
  clock: { now: () => 0, wallClock: () => 0, after: () => ({ timer: 0 }), cancel: () => undefined },
  random: () => 0.5,
};

export function otherForms(): void {
  Counter.start({
    uri: new URL(uri),
    state: 0,
    options: { name: Symbol("counter"), outbox: false, retryAfter: { max: 1 } },
  });
  Counter.start({
    uri: async ({ attempt }) => `${uri}?attempt=${attempt}`,
    state: 0,
    options: { headers: [["a", "b"]] },
  });
  Counter.start({ uri, state: 0, options: { headers: new Headers() } });
  Counter.start({ uri, state: 0, options: { headers: async () => ({ a: "b" }) } });
  Counter.start({ uri, state: 0, options: { name: { global: "counter" } } });
  Counter.start({ uri, state: 0, options: { name: { via: registry, name: 1 } } });
  const quiet: Logger = { error: (_fields, message) => message.length, info: () => undefined };
  Fresh.start(uri, Counter, 0, { logger: quiet });
  const provider: Provider<string> = ({ attempt, signal }) => {
    exactly<number>()(attempt, true);
    exactly<AbortSignal>()(signal, true);
    return uri;
  };
  Fresh.start(provider, Counter, 0);
}

export function dropsOfAPlainObject(): void {
  Fresh.start(uri, {}, "state", {
    onDrop: (_frame, _cause, self) => exactly<Connection<string>>()(self, true),
  });
  Counter.start({
    uri,
    state: 0,
    options: { onDrop: (_frame, _cause, self) => exactly<Connection<number>>()(self, true) },
  });
  Counter.start({
    uri,
    state: 0,
    // @ts-expect-error 2322: self is a Connection<number>
    options: { onDrop: (_frame, _cause, self: Connection<string>) => void self },
  });
}

export const wrong: readonly Options<number>[] = [
  // @ts-expect-error 2561: pingInterval
  { pingIntervall: 1 },
  // @ts-expect-error 2353: there is no such option
  { colour: "red" },
  // @ts-expect-error 2322: a number of ms
  { pingInterval: "30s" },
  // @ts-expect-error 2322: how many, not whether
  { maxRedirects: true },
  // @ts-expect-error 2322: full or none
  { backoffJitter: "some" },
  // @ts-expect-error 2561: maxMessages
  { outbox: { maxMessage: 1 } },
  // @ts-expect-error 2322: false, or an object
  { outbox: true },
  // @ts-expect-error 2322: reject or drop-oldest
  { outbox: { overflow: "drop-newest" } },
  // @ts-expect-error 2353: an inbox drops nothing
  { inbox: { overflow: "reject" } },
  // @ts-expect-error 2322: false, or { max }
  { retryAfter: true },
  // @ts-expect-error 2322: strings
  { headers: { a: 1 } },
  // @ts-expect-error 2353: the uri decides it
  { transportOptions: { host: "x" } },
  // @ts-expect-error 2353: the uri decides it
  { transportOptions: { tls: { host: "x" } } },
  // @ts-expect-error 2353: an option of its own
  { transportOptions: { headers: {} } },
  // @ts-expect-error 2561: subprotocols
  { upgradeOptions: { subprotocol: "x" } },
  // @ts-expect-error 2322: a list
  { upgradeOptions: { subprotocols: "x" } },
  // @ts-expect-error 2322: a name is a string or a symbol
  { name: 1 },
  // @ts-expect-error 2741: a logger has info, too
  { logger: { error: () => undefined } },
  // @ts-expect-error 2740: its signal is meant
  { signal: new AbortController() },
];

export function wrongWhenStarting(): void {
  // @ts-expect-error 2769: there is no such option
  Fresh.start(uri, Counter, 0, { pingIntervall: 1 });
  // @ts-expect-error 2561: there is no such option
  Counter.start({ uri, state: 0, options: { pingIntervall: 1 } });
  // @ts-expect-error 2769: an address is a string, a URL, or a function that gives one
  Fresh.start(80, Counter, 0);
  // @ts-expect-error 2322: an address is a string, a URL, or a function that gives one
  Counter.start({ uri: () => 80, state: 0 });
}

export function credentials(): void {
  const token = refreshable(async ({ signal, previous, reason }) => {
    exactly<AbortSignal>()(signal, true);
    exactly<"first" | "expired" | "renewal" | "refused">()(reason, true);
    exactly<unknown>()(previous, true);
    return { value: "t", expiresAt: 5 };
  });
  exactly<Refreshable<string>>()(token, true);
  const headers = token.headers((value, { attempt, self }) => {
    exactly<string>()(value, true);
    exactly<number>()(attempt, true);
    exactly<Asking>()(self, true);
    return { authorization: value };
  });
  exactly<Provider<HeadersInput>>()(headers, true);
  const Guarded = Fresh.define<number>(
    "Guarded",
    token.protect({ handleError: (_error, state) => reconnect(state + 1) }),
  );
  Fresh.start(
    token.uri((value) => `ws://localhost/?token=${value}`),
    Guarded,
    0,
    { headers },
  );
  // @ts-expect-error 2345: the credential is a string
  token.headers((value: number) => ({ authorization: String(value) }));
  // @ts-expect-error 2353: no such option
  refreshable(() => ({ value: 1 }), { renew: 5 });
}
