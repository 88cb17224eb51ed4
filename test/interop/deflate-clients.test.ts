/** permessage-deflate (RFC 7692) between our scripted server and each client that isn't ours and has it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type PermessageDeflateOptions, permessageDeflate } from "../../src/index.ts";
import { TestServer } from "../../src/testing/index.ts";
import type { Step } from "./clients/steps.ts";
import { CLIENTS, type ClientDriver } from "./clients.ts";

const BOTH_FORGET = "client_no_context_takeover; server_no_context_takeover";
const NARROW = { serverMaxWindowBits: 9, clientMaxWindowBits: 10 } as const;
const NARROWED = "client_max_window_bits=10; server_max_window_bits=9";
const FORGETFUL = { serverNoContextTakeover: true, clientNoContextTakeover: true } as const;

/** What a client is told in its own words, what the server is, and the parameters that they agree on; undefined: on none of it. */
type Agreement = readonly [theirs: unknown, ours: PermessageDeflateOptions, parameters: string | undefined];

const AGREEMENTS: Readonly<Record<string, readonly Agreement[]>> = {
  ws: [
    [undefined, {}, undefined],
    [{ threshold: 0 }, {}, ""],
    [{ threshold: 0 }, FORGETFUL, BOTH_FORGET],
    [{ threshold: 0 }, NARROW, NARROWED],
    [{ threshold: 0, ...FORGETFUL }, {}, BOTH_FORGET],
    [{ threshold: 0, ...NARROW }, {}, NARROWED],
    [
      { threshold: 0, serverMaxWindowBits: 8, clientMaxWindowBits: 8 },
      {},
      "client_max_window_bits=8; server_max_window_bits=8",
    ],
  ],
  websockets: [
    [undefined, {}, undefined],
    [{}, {}, ""],
    [{}, FORGETFUL, BOTH_FORGET],
    [{}, NARROW, NARROWED],
    [{ server_no_context_takeover: true, client_no_context_takeover: true }, {}, BOTH_FORGET],
    [{ server_max_window_bits: 9, client_max_window_bits: 10 }, {}, NARROWED],
    [{ server_max_window_bits: 8 }, {}, "server_max_window_bits=8"],
  ],
  Autobahn: [
    [undefined, {}, undefined],
    // It offers to forget by itself, and a server that is offered that takes it.
    [{}, {}, "client_no_context_takeover"],
    [{ accept_no_context_takeover: false }, {}, ""],
    [{}, FORGETFUL, BOTH_FORGET],
    [{ accept_no_context_takeover: false }, NARROW, NARROWED],
    [{ request_no_context_takeover: true }, {}, BOTH_FORGET],
    [{ request_max_window_bits: 9 }, {}, "client_no_context_takeover; server_max_window_bits=9"],
    // What it doesn't offer it can't be told; a server that wants it goes without compression.
    [{ accept_no_context_takeover: false, accept_max_window_bits: false }, NARROW, undefined],
  ],
  Tornado: [
    [undefined, {}, undefined],
    [{}, {}, ""],
    [{}, NARROW, NARROWED],
    [{ compression_level: 9, mem_level: 1 }, {}, ""],
    // It never sees a parameter without a value, so of client_no_context_takeover it can't be told.
    [{}, { serverNoContextTakeover: true }, "server_no_context_takeover"],
  ],
  // These two always offer the same.
  Bun: [
    [undefined, {}, ""],
    [undefined, FORGETFUL, BOTH_FORGET],
    [undefined, NARROW, NARROWED],
    [
      undefined,
      { clientMaxWindowBits: 8, serverMaxWindowBits: 8 },
      "client_max_window_bits=8; server_max_window_bits=8",
    ],
  ],
  undici: [
    [undefined, {}, ""],
    [undefined, FORGETFUL, BOTH_FORGET],
    [undefined, NARROW, NARROWED],
  ],
};

for (const client of CLIENTS) {
  for (const [theirs, ours, parameters] of AGREEMENTS[client.name] ?? []) {
    const told = theirs === undefined ? "" : `, told ${JSON.stringify(theirs)},`;
    const outcome = parameters === undefined ? "without compression" : parameters || "permessage-deflate";
    test(`${client.name}${told} and a server with ${JSON.stringify(ours)}: ${outcome}`, () =>
      agree(client, theirs, ours, parameters));
  }
}

/** Messages that are much alike, long ones and empty ones come back under what is agreed on, in their order. */
async function agree(
  client: ClientDriver,
  theirs: unknown,
  ours: PermessageDeflateOptions,
  parameters: string | undefined,
): Promise<void> {
  await using server = await TestServer.start({ extensions: [permessageDeflate({ threshold: 0, ...ours })] });
  const texts = Array.from({ length: 50 }, (_, index) => `message ${index} of many that are much alike`);
  texts.push("größer 🦊 ".repeat(2000), "", "x");
  const lengths = [0, 1, 300_000];
  const [extensions, ...back] = await client.run({
    uri: server.url,
    ...(theirs === undefined ? {} : { deflate: theirs }),
    steps: [
      ["extensions"],
      ...texts.flatMap((text): Step[] => [["send", text], ["receive"]]),
      ...lengths.flatMap((length): Step[] => [["send-bytes", length], ["receive"]]),
    ],
  });
  assert.equal(
    sorted(extensions),
    parameters === undefined ? "" : ["permessage-deflate", parameters].filter(Boolean).join("; "),
  );
  assert.deepEqual(
    back.filter((result) => result !== null && result !== undefined),
    [...texts, ...lengths.map((bytes) => ({ bytes }))],
  );
}

/** An answer with its parameters in the order of the alphabet. */
function sorted(extensions: unknown): string {
  const [name = "", ...parameters] = String(extensions).split(/;\s*/);
  return [name, ...parameters.sort()].join("; ");
}
