/**
 * permessage-deflate as the servers of servers.ts have it: how each is told to use it, and what comes of what we offer.
 *
 * An outcome is the parameters of the server's answer in the order of the alphabet, "" for an answer without any; the status of a
 * refusal; or "no answer" for one that is none to our offer, so that we have to refuse it ourselves (RFC 7692 §7.1).
 */
import type { PermessageDeflateOptions } from "../../src/index.ts";
import type { Wish } from "./servers.ts";

/** What we offer, by the parameters that a server should agree to. */
export const OFFERS = {
  "": {},
  server_no_context_takeover: { serverNoContextTakeover: true },
  client_no_context_takeover: { clientNoContextTakeover: true },
  "client_no_context_takeover; server_no_context_takeover": {
    clientNoContextTakeover: true,
    serverNoContextTakeover: true,
  },
  "server_max_window_bits=8": { serverMaxWindowBits: 8 },
  "server_max_window_bits=9": { serverMaxWindowBits: 9 },
  "server_max_window_bits=10": { serverMaxWindowBits: 10 },
  "server_max_window_bits=15": { serverMaxWindowBits: 15 },
  "client_max_window_bits=8": { clientMaxWindowBits: 8 },
  "client_max_window_bits=9": { clientMaxWindowBits: 9 },
  "client_max_window_bits=10": { clientMaxWindowBits: 10 },
  "client_max_window_bits=15": { clientMaxWindowBits: 15 },
} as const satisfies Readonly<Record<string, PermessageDeflateOptions>>;

export type Offer = keyof typeof OFFERS;
/** A status, or an answer that we have to refuse. */
export type Refusal = number | "no answer";
export type Outcome = string | Refusal;

/** Servers that agree to what is offered, and where they do something else. */
export const AGREEING: readonly {
  /** Its name in servers.ts. */
  readonly server: string;
  /** What it is told, in its own words. */
  readonly settings: unknown;
  readonly outcomes: Partial<Record<Offer, Outcome>>;
  /** Where its echo takes no part in this: what leads to a text in JSON of its own. */
  readonly tells?: Wish;
}[] = [
  { server: "ws", settings: { threshold: 0 }, outcomes: {} },
  {
    server: "websockets",
    settings: {},
    // Python's zlib refuses to compress with so small a window, which it finds out too late for an answer.
    outcomes: { "server_max_window_bits=8": 500 },
  },
  {
    server: "Autobahn",
    settings: {},
    // What the client will do by itself it doesn't repeat; and its windows begin with 9 bits.
    outcomes: {
      client_no_context_takeover: "",
      "client_no_context_takeover; server_no_context_takeover": "server_no_context_takeover",
      "server_max_window_bits=8": 400,
      "client_max_window_bits=8": 400,
      "client_max_window_bits=9": "",
      "client_max_window_bits=10": "",
      "client_max_window_bits=15": "",
    },
  },
  {
    server: "Tornado",
    settings: {},
    // Parameters without a value it never sees.
    outcomes: {
      server_no_context_takeover: "no answer",
      client_no_context_takeover: "",
      "client_no_context_takeover; server_no_context_takeover": "no answer",
      "server_max_window_bits=8": 500,
    },
  },
  {
    server: "uWebSockets",
    settings: { compress: "dedicated", decompress: "dedicated" },
    outcomes: { "client_max_window_bits=15": "" },
  },
  {
    server: "libwebsockets",
    settings: undefined,
    // Of windows it knows nothing.
    outcomes: {
      "server_max_window_bits=8": "no answer",
      "server_max_window_bits=9": "no answer",
      "server_max_window_bits=10": "no answer",
      "server_max_window_bits=15": "",
      "client_max_window_bits=8": "",
      "client_max_window_bits=9": "",
      "client_max_window_bits=10": "",
      "client_max_window_bits=15": "",
    },
    tells: { path: "/", subprotocols: ["lws-status"] },
  },
];

/** Servers that want something of their own, whatever is offered; with what then comes of an offer that leaves all to them. */
export const WANTING: readonly {
  readonly server: string;
  readonly settings: unknown;
  readonly outcome: string;
  /** It doesn't say that it compresses each message by itself. */
  readonly forgetsQuietly?: true;
}[] = [
  {
    server: "ws",
    settings: {
      threshold: 0,
      clientNoContextTakeover: true,
      serverNoContextTakeover: true,
    },
    outcome: "client_no_context_takeover; server_no_context_takeover",
  },
  {
    server: "ws",
    settings: { threshold: 0, clientMaxWindowBits: 8, serverMaxWindowBits: 8 },
    outcome: "client_max_window_bits=8; server_max_window_bits=8",
  },
  {
    server: "websockets",
    settings: {
      client_no_context_takeover: true,
      server_no_context_takeover: true,
    },
    outcome: "client_no_context_takeover; server_no_context_takeover",
  },
  {
    server: "websockets",
    settings: { client_max_window_bits: 8, server_max_window_bits: 9 },
    outcome: "client_max_window_bits=8; server_max_window_bits=9",
  },
  {
    server: "Autobahn",
    settings: { request_no_context_takeover: true, no_context_takeover: true },
    outcome: "client_no_context_takeover",
    forgetsQuietly: true,
  },
  {
    server: "Autobahn",
    settings: { request_max_window_bits: 9, window_bits: 10 },
    outcome: "client_max_window_bits=9",
  },
  {
    server: "Tornado",
    settings: { compression_level: 9, mem_level: 1 },
    outcome: "",
  },
  {
    server: "uWebSockets",
    settings: { compress: "shared", decompress: "shared" },
    outcome: "client_no_context_takeover; server_no_context_takeover",
  },
  {
    server: "uWebSockets",
    settings: { compress: "3KB", decompress: "dedicated" },
    outcome: "server_max_window_bits=9",
  },
  {
    server: "uWebSockets",
    settings: { compress: "16KB", decompress: "shared" },
    outcome: "client_no_context_takeover; server_max_window_bits=11",
  },
];
