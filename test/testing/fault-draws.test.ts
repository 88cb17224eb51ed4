import assert from "node:assert/strict";
import { test } from "node:test";
import { rulesFor } from "../../src/testing/fault-draws.ts";
import { checkFault } from "../../src/testing/fault-plan.ts";
import { PHASES } from "../../src/testing/fault-schema.ts";
import type { Fault, FaultedConnections, FaultPlan, FaultRule } from "../../src/testing/index.ts";

const RESET: FaultRule = { when: { phase: "open" }, fault: { type: "reset" } };
const hits = (connection: FaultedConnections | undefined, seed = 1, many = 20) => {
  const plan: FaultPlan = { seed, connections: [{ ...RESET, ...(connection !== undefined && { connection }) }] };
  return Array.from({ length: many }, (_, index) => index + 1).filter((number) => rulesFor(plan, number).length > 0);
};
const faultsOf = (plan: FaultPlan, connection: number) =>
  rulesFor(plan, connection).map(({ when, fault }) => ({ when, fault }));

test("a rule hits all connections, or one, or some, or a range of which every so manyth", () => {
  assert.equal(hits(undefined).length, 20);
  assert.deepEqual(hits(3), [3]);
  assert.deepEqual(hits([2, 5]), [2, 5]);
  assert.deepEqual(hits({ from: 3, to: 6 }), [3, 4, 5, 6]);
  assert.deepEqual(hits({ from: 2, to: 9, every: 3 }), [2, 5, 8]);
  assert.equal(hits({}).length, 20);
});

test("a share of connections is drawn from the seed, and is about as large as it says", () => {
  const some = hits({ share: 0.3 }, 1, 2000);
  assert.ok(some.length > 500 && some.length < 700, `${some.length}`);
  assert.deepEqual(hits({ share: 0.3 }, 1, 2000), some);
  assert.notDeepEqual(hits({ share: 0.3 }, 2, 2000), some);
  assert.deepEqual(hits({ share: 0 }), []);
  assert.equal(hits({ share: 1 }).length, 20);
});

test("ranges are drawn, ends included; whole ones whole, others not", () => {
  const fault: Fault = { type: "latency", ms: { from: 0.5, to: 1.5 }, jitter: { from: 1, to: 3 } };
  const plan: FaultPlan = { connections: [{ when: { phase: "open", bytes: { from: 1, to: 3 } }, fault }] };
  const drawn = Array.from({ length: 200 }, (_, number) => faultsOf(plan, number + 1)[0]);
  const jitters = new Set(drawn.map((one) => (one?.fault.type === "latency" ? one.fault.jitter : undefined)));
  const bytes = new Set(drawn.map((one) => one?.when.bytes));
  assert.deepEqual(
    [[...jitters].sort(), [...bytes].sort()],
    [
      [1, 2, 3],
      [1, 2, 3],
    ],
  );
  for (const one of drawn) {
    assert.ok(one?.fault.type === "latency");
    const { ms } = one.fault;
    assert.ok(ms >= 0.5 && ms <= 1.5 && !Number.isInteger(ms));
  }
});

test("an injected frame's size is drawn, too", () => {
  const fault: Fault = { type: "inject", frame: { opcode: "ping", size: { from: 3, to: 3 } } };
  assert.deepEqual(faultsOf({ connections: [{ when: { phase: "open" }, fault }] }, 1)[0]?.fault, {
    type: "inject",
    frame: { opcode: "ping", size: 3 },
  });
});

test("a random fault is one of those given, the same for the same seed and connection, and each comes up", () => {
  const of: Fault[] = [{ type: "reset" }, { type: "end" }, { type: "random", of: [{ type: "blackHole" }] }];
  const plan: FaultPlan = { seed: 9, connections: [{ when: { phase: "open" }, fault: { type: "random", of } }] };
  const types = Array.from({ length: 50 }, (_, number) => faultsOf(plan, number)[0]?.fault.type);
  assert.deepEqual([...new Set(types)].sort(), ["blackHole", "end", "reset"]);
  assert.deepEqual(
    Array.from({ length: 50 }, (_, number) => faultsOf(plan, number)[0]?.fault.type),
    types,
  );
});

test("what a random fault chooses from by itself can happen in its phase", () => {
  for (const phase of PHASES) {
    const plan: FaultPlan = { connections: [{ when: { phase }, fault: { type: "random" } }] };
    const types = new Set<string>();
    for (let number = 1; number < 500; number += 1) {
      const fault = faultsOf(plan, number)[0]?.fault;
      checkFault(fault, phase);
      types.add(fault?.type ?? "");
    }
    assert.ok(types.size >= 5, `${phase}: ${[...types]}`);
  }
});

test("a rule that is added behind the others changes nothing of what they draw, nor does another connection", () => {
  const random: FaultRule = { when: { phase: "open", ms: { from: 1, to: 1e6 } }, fault: { type: "random" } };
  const short: FaultPlan = { seed: 3, connections: [random, random] };
  const long: FaultPlan = { seed: 3, connections: [random, random, random] };
  assert.deepEqual(faultsOf(long, 7).slice(0, 2), faultsOf(short, 7));
  assert.notDeepEqual(faultsOf(short, 7)[0], faultsOf(short, 7)[1]);
  assert.notDeepEqual(faultsOf(short, 8), faultsOf(short, 7));
});
