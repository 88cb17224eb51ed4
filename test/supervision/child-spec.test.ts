import assert from "node:assert/strict";
import { test } from "node:test";
import { SupervisorError } from "../../src/index.ts";
import { millisecondsOf, resolveSpec } from "../../src/supervision/child-spec.ts";
import { PlainChild } from "./plain-child.ts";

const start = (): PlainChild => new PlainChild();

test("the defaults are OTP's: a permanent worker with five seconds to end, a supervisor with all it takes", () => {
  const worker = resolveSpec({ id: "a", start });
  assert.deepEqual(
    [worker.restart, worker.shutdown, worker.type, worker.significant],
    ["permanent", 5000, "worker", false],
  );
  assert.equal(resolveSpec({ id: "a", start, type: "supervisor" }).shutdown, "infinity");
  assert.deepEqual(
    ["brutal_kill", 70, "infinity"].map((one) => millisecondsOf(one as never)),
    [0, 70, Number.POSITIVE_INFINITY],
  );
});

test("a child is a specification, a source with its arguments, or a source that needs none", () => {
  const source = { childSpec: (args: unknown) => ({ id: `made of ${String(args)}`, start }) };
  assert.equal(resolveSpec([source, 7]).id, "made of 7");
  assert.equal(resolveSpec(source).id, "made of undefined");
});

test("start is called on the specification that was given, so that it may be an object with methods", () => {
  class Owner {
    readonly id = "owner";
    readonly child = new PlainChild();
    start(): PlainChild {
      return this.child;
    }
  }
  const owner = new Owner();
  const { start: resolved } = resolveSpec({ id: owner.id, start: () => owner.start() });
  assert.equal(resolved({ signal: new AbortController().signal }), owner.child);
});

test("what can't be used is refused in a sentence that says what it takes", () => {
  const refused: readonly (readonly [unknown, RegExp])[] = [
    [undefined, /A child is \{ id, start \}/],
    [{ id: "", start }, /id is a string that isn't empty/],
    [{ id: "a" }, /no function start/],
    [{ id: "a", start, restart: "always" }, /restart: "always"/],
    [{ id: "a", start, shutdown: -1 }, /shutdown: -1/],
    [{ id: "a", start, shutdown: Number.NaN }, /shutdown: NaN/],
    [{ id: "a", start, type: "server" }, /type: "server"/],
    [{ id: "a", start, significant: 1 }, /significant: 1/],
    [{ id: "a", start, significant: true }, /a permanent one is always restarted/],
    [{ id: "a", start, shutdwon: 5 }, /shutdwon, which means nothing\. Did you mean shutdown\?/],
    [[{}, 1], /has no childSpec\(args\)/],
  ];
  for (const [input, says] of refused) {
    assert.throws(
      () => resolveSpec(input as never),
      (error) => error instanceof SupervisorError && error.reason === "bad_spec" && says.test(error.message),
      String(says),
    );
  }
});
