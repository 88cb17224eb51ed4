/** Answers to offers of permessage-deflate, right and wrong, and what a server answers (RFC 7692 §5, §7.1). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type PermessageDeflateOptions, permessageDeflate, stop } from "../../src/index.ts";
import { agreeTo, answerTo, extensionsOf } from "../../src/protocol/index.ts";
import { rawFrame, TestServer } from "../../src/testing/index.ts";
import { launch, Recorder } from "../fresh/fixtures.ts";
import { FAR_APART } from "./compressible.ts";
import { deflated, inflated, marked, openCompressed, RSV1 } from "./deflate-pair.ts";
import { allTowards } from "./endpoint.ts";

describe("the answer to an offer of permessage-deflate", () => {
  const settings = { role: "client", maxMessageSize: 1000, hibernates: false } as const;
  const WRONG: readonly (readonly [string, string, PermessageDeflateOptions?])[] = [
    ["with a parameter that there isn't", "; foo"],
    ["with one that there isn't, and a value", "; foo=1"],
    ["with a parameter twice", "; server_no_context_takeover; server_no_context_takeover"],
    ["with a number twice", "; server_max_window_bits=10; server_max_window_bits=10"],
    ["with a value where there is none", "; server_no_context_takeover=true"],
    ["with a value where there is none, the client's", "; client_no_context_takeover=1"],
    ["without a value where there is one", "; server_max_window_bits"],
    ["without a value where an answer has one", "; client_max_window_bits"],
    ["with a window too small", "; server_max_window_bits=7"],
    ["with a window too large", "; server_max_window_bits=16"],
    ["with a window of 0", "; client_max_window_bits=0"],
    ["with a leading zero", "; server_max_window_bits=09"],
    ["with a sign", "; client_max_window_bits=+9"],
    ["with a fraction", "; client_max_window_bits=9.5"],
    ["with letters for a number", "; server_max_window_bits=ten"],
    [
      "with a window for the client that didn't offer it",
      "; client_max_window_bits=10",
      { clientMaxWindowBits: false },
    ],
    ["with a larger window than was asked for", "; server_max_window_bits=11", { serverMaxWindowBits: 10 }],
    ["without the window that was asked for", "", { serverMaxWindowBits: 10 }],
    ["with takeover that was asked to be none", "", { serverNoContextTakeover: true }],
    ["twice", ", permessage-deflate"],
  ];
  for (const [name, parameters, options = {}] of WRONG) {
    it(`fails the attempt ${name}`, async () => {
      const answer = `permessage-deflate${parameters}`;
      const verdict = agreeTo(extensionsOf([answer]) ?? [], [permessageDeflate(options)], settings);
      assert.equal(verdict.type, "refused");
      await using server = await TestServer.start({
        script: async (peer) => {
          await peer.accept({ extensions: answer });
        },
      });
      const recorder = new Recorder<null>({ handleError: () => stop() });
      const connection = launch(server, recorder, null, {
        upgradeOptions: { extensions: [permessageDeflate(options)] },
      });
      await connection.exited;
      const [error] = (await recorder.call("handleError")).given;
      assert.deepEqual([error.kind, error.reason, error.status], ["establishing_failed", "extensions", 101]);
      assert.equal(recorder.all("handleConnect").length, 0);
    });
  }

  const RIGHT: readonly (readonly [string, string, PermessageDeflateOptions?])[] = [
    ["without parameters", ""],
    ["with parameters of the server's own accord", "; server_no_context_takeover; server_max_window_bits=9"],
    ["that asks the client for less", "; client_no_context_takeover; client_max_window_bits=9"],
    ["with every window from 8 to 15", "; server_max_window_bits=8; client_max_window_bits=15"],
    ["with a smaller window than was asked for", "; server_max_window_bits=8", { serverMaxWindowBits: 9 }],
    ["with a quoted value", '; server_max_window_bits="12"'],
    ["without the client's window, which it keeps to all the same", "", { clientMaxWindowBits: 9 }],
  ];
  for (const [name, parameters, options = {}] of RIGHT) {
    it(`opens the connection ${name}`, async () => {
      await using conversation = await openCompressed(parameters, {}, { ...options, threshold: 0 });
      const { peer, connection, recorder } = conversation;
      assert.equal(connection.extensions, `permessage-deflate${parameters}`);
      peer.sendRaw(allTowards("client", marked("text", [deflated("to the client", { bits: 9 })])));
      assert.deepEqual((await recorder.call("handleIn")).given, [{ type: "text", data: "to the client" }]);
      const sent = FAR_APART.join("");
      connection.send(sent);
      peer.sendRaw(rawFrame({ opcode: "close" }));
      peer.end();
      await conversation.ended();
      const [message] = conversation.framesSent;
      assert.equal(message?.rsv, RSV1);
      // A window that is larger than what either side has said would refer further back than this one holds.
      const bits = /client_max_window_bits=9/.test(parameters) ? 9 : Number(options.clientMaxWindowBits ?? 15);
      assert.equal(inflated(message.payload, { bits }).toString(), sent);
    });
  }
});

describe("a server's answer to an offer of permessage-deflate", () => {
  const settings = { role: "server", maxMessageSize: 1000, hibernates: false } as const;
  const answered = (offer: string, options: PermessageDeflateOptions = {}) =>
    answerTo(extensionsOf([offer]) ?? [], [permessageDeflate(options)], settings)?.header;

  for (const parameters of [
    "foo",
    "server_no_context_takeover=1",
    "client_no_context_takeover=1",
    "server_max_window_bits",
    "server_max_window_bits=7",
    "server_max_window_bits=16",
    "server_max_window_bits=010",
    "client_max_window_bits=7",
    "client_max_window_bits=16",
    "client_max_window_bits; client_max_window_bits",
    "server_no_context_takeover; server_no_context_takeover",
  ]) {
    it(`declines what it has to, and takes the next offer: ${parameters}`, () => {
      assert.equal(answered(`permessage-deflate; ${parameters}`), undefined);
      assert.equal(answered(`permessage-deflate; ${parameters}, permessage-deflate`), "permessage-deflate");
    });
  }

  for (const bits of [8, 9, 10, 11, 12, 13, 14, 15]) {
    it(`names the server's window as the offer has it, or smaller: ${bits}`, () => {
      const offer = `permessage-deflate; server_max_window_bits=${bits}`;
      assert.equal(answered(offer), offer);
      const smaller = Math.min(bits, 10);
      assert.equal(
        answered(offer, { serverMaxWindowBits: 10 }),
        `permessage-deflate; server_max_window_bits=${smaller}`,
      );
    });
  }

  it("names no takeover as the offer has it, and of its own accord", () => {
    for (const name of ["server_no_context_takeover", "client_no_context_takeover"]) {
      assert.equal(answered(`permessage-deflate; ${name}`), `permessage-deflate; ${name}`);
    }
    assert.equal(
      answered("permessage-deflate", { serverNoContextTakeover: true, clientNoContextTakeover: true }),
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    );
  });

  it("never names the client's window where the offer doesn't", () => {
    assert.equal(answered("permessage-deflate"), "permessage-deflate");
    assert.equal(answered("permessage-deflate", { clientMaxWindowBits: 10 }), undefined);
    assert.equal(
      answered("permessage-deflate, permessage-deflate; client_max_window_bits", { clientMaxWindowBits: 10 }),
      "permessage-deflate; client_max_window_bits=10",
    );
  });
});
