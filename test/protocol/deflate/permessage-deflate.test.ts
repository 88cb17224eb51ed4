import assert from "node:assert/strict";
import { test } from "node:test";
import {
  agreeTo,
  answerTo,
  extensionsOf,
  offersOf,
  type PermessageDeflateOptions,
  permessageDeflate,
} from "../../../src/protocol/index.ts";

const SETTINGS = { maxMessageSize: 1000, hibernates: false };

/** What a client with these options does with the answer: agrees, or says why not. */
function judge(answer: string, ...offered: PermessageDeflateOptions[]): string {
  const entries = extensionsOf([answer]) ?? assert.fail(answer);
  const offers = offered.length === 0 ? [{}] : offered;
  const result = agreeTo(entries, offers.map(permessageDeflate), { ...SETTINGS, role: "client" });
  if (result.type === "refused") return result.message;
  result.stack?.close();
  return "agreed";
}

/** What a server with these options answers to an offer. */
function answer(offer: string, options: PermessageDeflateOptions = {}): string | undefined {
  const offers = extensionsOf([offer]) ?? assert.fail(offer);
  const stack = answerTo(offers, [permessageDeflate(options)], { ...SETTINGS, role: "server" });
  stack?.close();
  return stack?.header;
}

test("the offer holds what the options ask for, and by default what browsers offer", () => {
  const offer = (options: PermessageDeflateOptions) => offersOf([permessageDeflate(options)]).join();
  assert.equal(offer({}), "permessage-deflate; client_max_window_bits");
  assert.equal(offer({ clientMaxWindowBits: false }), "permessage-deflate");
  assert.equal(offer({ clientMaxWindowBits: 8 }), "permessage-deflate; client_max_window_bits=8");
  assert.equal(
    offer({
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
      serverMaxWindowBits: 9,
      clientMaxWindowBits: true,
    }),
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits",
  );
});

test("a client agrees to every answer that keeps to its offer", () => {
  for (const answer of [
    "permessage-deflate",
    "permessage-deflate; server_no_context_takeover",
    "permessage-deflate; client_no_context_takeover",
    "permessage-deflate; server_max_window_bits=8",
    "permessage-deflate; server_max_window_bits=15",
    "permessage-deflate; client_max_window_bits=8",
    'permessage-deflate; client_max_window_bits="15"',
    "permessage-deflate;server_no_context_takeover;client_no_context_takeover;server_max_window_bits=10;client_max_window_bits=10",
  ]) {
    assert.equal(judge(answer), "agreed", answer);
  }
  assert.equal(judge("permessage-deflate; server_max_window_bits=9", { serverMaxWindowBits: 10 }), "agreed");
  assert.equal(judge("permessage-deflate; server_no_context_takeover", { serverNoContextTakeover: true }), "agreed");
  assert.equal(judge("permessage-deflate; client_max_window_bits=9", { clientMaxWindowBits: 9 }), "agreed");
  // Without the parameter, the client still uses no more than it said.
  assert.equal(judge("permessage-deflate", { clientMaxWindowBits: 9 }), "agreed");
});

test("a client refuses an answer that is no answer to its offer (RFC 7692 §7.1)", () => {
  const wrong: readonly (readonly [answer: string, offer: PermessageDeflateOptions, why: RegExp])[] = [
    [
      "permessage-deflate",
      { serverNoContextTakeover: true },
      /server_no_context_takeover was asked for, and is not in it/,
    ],
    ["permessage-deflate", { serverMaxWindowBits: 10 }, /server_max_window_bits=10 was asked for, and is not in it/],
    ["permessage-deflate; server_max_window_bits=11", { serverMaxWindowBits: 10 }, /and it says 11/],
    ["permessage-deflate; client_max_window_bits=10", { clientMaxWindowBits: false }, /was not offered/],
    ["permessage-deflate; client_max_window_bits=11", { clientMaxWindowBits: 10 }, /=10 was offered, and it says 11/],
    ["permessage-deflate; client_max_window_bits", {}, /takes a number from 8 to 15/],
    ["permessage-deflate; server_max_window_bits", {}, /takes a number from 8 to 15/],
    ["permessage-deflate; server_max_window_bits=7", {}, /takes a number from 8 to 15/],
    ["permessage-deflate; client_max_window_bits=08", {}, /leading zeros/],
    ["permessage-deflate; foo", {}, /no parameter "foo"/],
    ["permessage-deflate; server_no_context_takeover=1", {}, /takes no value/],
    ["permessage-deflate; server_no_context_takeover; server_no_context_takeover", {}, /twice/],
    ["permessage-deflate, permessage-deflate", {}, /names the extension permessage-deflate twice/],
    ["permessage-deflate, permessage-deflate; server_no_context_takeover", {}, /twice/],
  ];
  for (const [answer, offer, why] of wrong) {
    assert.match(judge(answer, offer), why, answer);
    assert.match(judge(answer, offer), /^The server's answer/);
  }
});

test("of several offers, the answer may be to any (RFC 7692 §5)", () => {
  assert.equal(judge("permessage-deflate", { serverMaxWindowBits: 10 }, {}), "agreed");
  assert.equal(judge("permessage-deflate; server_max_window_bits=10", { serverMaxWindowBits: 10 }, {}), "agreed");
  assert.match(
    judge("permessage-deflate", { serverMaxWindowBits: 10 }, { serverNoContextTakeover: true }),
    /window_bits=10/,
  );
});

test("a server answers with what both want, and declines what it can't read", () => {
  assert.equal(answer("permessage-deflate"), "permessage-deflate");
  assert.equal(answer("permessage-deflate; client_max_window_bits"), "permessage-deflate");
  assert.equal(
    answer("permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
  );
  assert.equal(answer("permessage-deflate; server_max_window_bits=8"), "permessage-deflate; server_max_window_bits=8");
  assert.equal(answer("permessage-deflate; client_max_window_bits=8"), "permessage-deflate; client_max_window_bits=8");
  assert.equal(
    answer("permessage-deflate; server_max_window_bits=12", { serverMaxWindowBits: 10 }),
    "permessage-deflate; server_max_window_bits=10",
  );
  assert.equal(
    answer("permessage-deflate; client_max_window_bits", { clientMaxWindowBits: 10, serverNoContextTakeover: true }),
    "permessage-deflate; server_no_context_takeover; client_max_window_bits=10",
  );
  // A client that doesn't know the parameter can't be held to a smaller window.
  assert.equal(answer("permessage-deflate", { clientMaxWindowBits: 10 }), undefined);
  for (const wrong of [
    "foo",
    "server_max_window_bits",
    "server_max_window_bits=16",
    "client_max_window_bits=7",
    "foo=1",
  ]) {
    assert.equal(answer(`permessage-deflate; ${wrong}`), undefined, wrong);
  }
  assert.equal(
    answer("permessage-deflate; foo, permessage-deflate; server_no_context_takeover"),
    "permessage-deflate; server_no_context_takeover",
  );
  assert.equal(answer("x-webkit-deflate-frame"), undefined);
});
