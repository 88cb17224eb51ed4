import assert from "node:assert/strict";
import { test } from "node:test";
import { AlreadyRegisteredError, Registry, type RegistryEvent } from "../../src/index.ts";
import { PlainChild } from "./plain-child.ts";

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a unique key has one holder, and is found by what it is made of", () => {
  const rooms = new Registry<PlainChild, string>({ keys: "unique" });
  const [holder, other] = [new PlainChild(), new PlainChild()];
  rooms.register({ room: 7 }, holder, "lobby");
  assert.deepEqual(rooms.lookup({ room: 7 }), [{ connection: holder, value: "lobby" }]);
  assert.throws(
    () => rooms.register({ room: 7 }, other),
    (error) => error instanceof AlreadyRegisteredError && error.holder === holder && /\{"room":7\}/.test(error.message),
  );
  rooms.unregister({ room: 7 }, other);
  assert.equal(rooms.size, 1, "only its holder's entry can be taken from a key");
  rooms.unregister({ room: 7 }, holder);
  rooms.register({ room: 7 }, other);
  assert.deepEqual(rooms.lookup({ room: 8 }), []);
});

test("a duplicate key has many holders, oldest first, each once, and dispatch gets them all", () => {
  const topics = new Registry<PlainChild, number>({ keys: "duplicate" });
  const [first, second] = [new PlainChild(), new PlainChild()];
  topics.register("news", first, 1);
  topics.register("news", second, 2);
  assert.throws(() => topics.register("news", first, 3), AlreadyRegisteredError);
  const calls: unknown[] = [];
  topics.dispatch("news", (entries) => calls.push(entries.map(({ connection }) => connection)));
  topics.dispatch("nothing", () => calls.push("called"));
  assert.deepEqual(calls, [[first, second]]);
  assert.deepEqual(topics.values("news"), [1, 2]);
  assert.deepEqual(topics.values("news", second), [2]);
  assert.equal(
    topics.updateValue("news", second, (value) => (value ?? 0) + 40),
    true,
  );
  assert.equal(
    topics.updateValue("sports", second, () => 0),
    false,
  );
  assert.deepEqual(topics.values("news"), [1, 42]);
});

test("a holder's entries vanish when it ends, and keys tells what there is", async () => {
  const registry = new Registry<PlainChild>({ keys: "duplicate" });
  const [first, second] = [new PlainChild(), new PlainChild()];
  registry.register("a", first);
  registry.register(["b", 1], first);
  registry.register("a", second);
  assert.deepEqual([registry.keys(), registry.keys(first), registry.size], [["a", ["b", 1]], ["a", ["b", 1]], 3]);
  first.exit("boom");
  await settled();
  assert.deepEqual([registry.keys(), registry.keys(first), registry.size], [["a"], [], 1]);
  registry.register("late", first);
  await settled();
  assert.deepEqual(registry.lookup("late"), [], "who has ended already can't stay");
});

test("listeners are told of each entry that comes or goes; what one throws hinders nobody", async () => {
  const events: RegistryEvent<number>[] = [];
  const registry = new Registry<PlainChild, number>({ keys: "unique", listeners: [(event) => events.push(event)] });
  const holder = new PlainChild();
  registry.register("a", holder, 1);
  registry.unregister("a", holder);
  registry.unregister("a", holder);
  registry.register("b", holder, 2);
  holder.exit("normal");
  await settled();
  assert.deepEqual(
    events.map(({ type, key, value }) => `${type} ${String(key)} ${value}`),
    ["registered a 1", "unregistered a 1", "registered b 2", "unregistered b 2"],
  );
});

test("a registry refuses what it can't keep", () => {
  assert.throws(() => new Registry({ keys: "many" } as never), /keys: "unique".*it got many/);
  assert.throws(() => new Registry({ keys: "unique" }).register("a", {} as never), /a promise `exited`/);
});
