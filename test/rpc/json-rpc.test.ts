/**
 * JSON-RPC 2.0 as the specification has it: its own examples, and what is no JSON-RPC 2.0.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { binary, type DataFrame, text } from "../../src/index.ts";
import { jsonRpc, RpcError } from "../../src/rpc/index.ts";
import type { JsonRpcMessage } from "../../src/rpc/json-rpc.ts";

const protocol = jsonRpc();
const read = (data: string): JsonRpcMessage => protocol.read(text(data)) as JsonRpcMessage;

describe("a request", () => {
  test("has the version, the id, the method and the parameters by position or by name (section 4)", () => {
    assert.equal(
      protocol.request(1, "subtract", [42, 23]),
      '{"jsonrpc":"2.0","id":1,"method":"subtract","params":[42,23]}',
    );
    assert.equal(
      protocol.request(3, "subtract", { subtrahend: 23, minuend: 42 }),
      '{"jsonrpc":"2.0","id":3,"method":"subtract","params":{"subtrahend":23,"minuend":42}}',
    );
    assert.equal(protocol.request(4, "foobar", undefined), '{"jsonrpc":"2.0","id":4,"method":"foobar"}');
  });

  test("whose parameters are neither is refused in words", () => {
    for (const params of [1, "a", null, true]) {
      assert.throws(() => protocol.request(1, "m", params), /Wrap a single value: \[value\]/);
    }
  });

  test("without an id is a notification (section 4.1)", () => {
    assert.equal(protocol.notification?.("update", [1]), '{"jsonrpc":"2.0","method":"update","params":[1]}');
  });
});

describe("an answer", () => {
  test("is correlated by its id, which is a number or a string; null, and a request's, answer nothing", () => {
    assert.equal(protocol.correlate(read('{"jsonrpc":"2.0","result":19,"id":1}')), 1);
    assert.equal(protocol.correlate(read('{"jsonrpc":"2.0","result":19,"id":"a"}')), "a");
    assert.equal(
      protocol.correlate(read('{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}')),
      undefined,
    );
    assert.equal(protocol.correlate(read('{"jsonrpc":"2.0","method":"ask","id":1}')), undefined);
    assert.equal(protocol.correlate(read('{"jsonrpc":"2.0","method":"tell"}')), undefined);
  });

  test("carries a result, also null, or an error with its data (section 5)", () => {
    assert.equal(protocol.answer(read('{"jsonrpc":"2.0","result":19,"id":1}')), 19);
    assert.equal(protocol.answer(read('{"jsonrpc":"2.0","result":null,"id":1}')), null);
    assert.throws(
      () => protocol.answer(read('{"jsonrpc":"2.0","error":{"code":-32000,"message":"no","data":[1]},"id":1}')),
      (error) =>
        error instanceof RpcError && error.code === -32000 && error.message === "no" && Array.isArray(error.data),
    );
  });

  test("with neither, or with an error that has no code, is an RpcError, too", () => {
    assert.throws(
      () => protocol.answer(read('{"jsonrpc":"2.0","id":1}')),
      (error) => error instanceof RpcError && /neither a result nor an error/.test(error.message),
    );
    assert.throws(
      () => protocol.answer(read('{"jsonrpc":"2.0","id":1,"error":"no"}')),
      (error) => error instanceof RpcError && error.code === -32000 && /without a code/.test(error.message),
    );
  });
});

describe("what comes from the server", () => {
  test("is a request, which is answered with its own id, or a notification, which isn't", () => {
    const asked = protocol.incoming?.(read('{"jsonrpc":"2.0","method":"ask","params":[1],"id":"x"}'));
    assert.deepEqual({ method: asked?.method, params: asked?.params }, { method: "ask", params: [1] });
    assert.equal(asked?.respond?.({ result: undefined }), '{"jsonrpc":"2.0","id":"x","result":null}');
    assert.equal(
      asked?.respond?.({ error: new RpcError(1, "no") }),
      '{"jsonrpc":"2.0","id":"x","error":{"code":1,"message":"no"}}',
    );
    assert.deepEqual(protocol.incoming?.(read('{"jsonrpc":"2.0","method":"tell"}')), {
      method: "tell",
      params: undefined,
    });
    assert.equal(protocol.incoming?.(read('{"jsonrpc":"2.0","result":1,"id":1}')), undefined);
  });

  test("may be in a binary frame", () => {
    const frame = binary(new TextEncoder().encode('{"jsonrpc":"2.0","result":19,"id":1}'));
    assert.equal(protocol.correlate(protocol.read(frame) as JsonRpcMessage), 1);
  });

  test("that is anything else is left to the module: other JSON, batches, no JSON", () => {
    for (const data of ["1", "null", "[]", "{}", '{"jsonrpc":"1.0","id":1}', '[{"jsonrpc":"2.0","id":1,"result":1}]']) {
      assert.equal(protocol.read(text(data)), undefined);
    }
    assert.throws(() => protocol.read(text("hello")), SyntaxError);
  });

  test("whatever it is, reading it gives a message, undefined or an error, and looking at a message throws nothing odd", () => {
    const frames: fc.Arbitrary<DataFrame> = fc.oneof(
      fc.string().map(text),
      fc.uint8Array().map(binary),
      fc
        .record(
          {
            jsonrpc: fc.constant("2.0"),
            id: fc.jsonValue(),
            method: fc.jsonValue(),
            params: fc.jsonValue(),
            result: fc.jsonValue(),
            error: fc.jsonValue(),
          },
          { requiredKeys: ["jsonrpc"] },
        )
        .map((message) => text(JSON.stringify(message))),
    );
    fc.assert(
      fc.property(frames, (frame) => {
        let message: JsonRpcMessage | undefined;
        try {
          message = protocol.read(frame);
        } catch (error) {
          assert.ok(error instanceof SyntaxError);
        }
        if (message === undefined) return;
        protocol.correlate(message);
        protocol.incoming?.(message);
        try {
          protocol.answer(message);
        } catch (error) {
          assert.ok(error instanceof RpcError && typeof error.code === "number");
        }
      }),
      { numRuns: 2000 },
    );
  });
});
