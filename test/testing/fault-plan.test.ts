import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFaultPlan, type FaultPlan, FaultPlanError, parseFaultPlan } from "../../src/testing/index.ts";

const planWith = (rule: object) => ({ connections: [rule] });
const ok = { when: { phase: "open" }, fault: { type: "reset" } };

/** plan → where it is wrong, and the sentence. */
const WRONG: readonly (readonly [plan: unknown, path: string, message: string | RegExp])[] = [
  [[], "", "The plan takes an object; it got []."],
  [{}, "connections", 'connections takes a list of rules, such as [{ "when": …, "fault": … }]; it got nothing.'],
  [
    { seeds: 1, connections: [] },
    "seeds",
    'The plan has a "seeds", which it doesn\'t take; did you mean "seed"? It takes seed, connections.',
  ],
  [{ seed: 0.5, connections: [] }, "seed", "seed takes a whole number; it got 0.5."],
  [
    planWith({ ...ok, connection: 0 }),
    "connections[0].connection",
    'connections[0].connection takes a whole number from 1 on, a list of them, or { "from", "to", "every", "share" }; it got 0.',
  ],
  [planWith({ ...ok, connection: [] }), "connections[0].connection", /a list of them/],
  [planWith({ ...ok, connection: { form: 3 } }), "connections[0].connection.form", /did you mean "from"\?/],
  [
    planWith({ ...ok, connection: { share: 30 } }),
    "connections[0].connection.share",
    "connections[0].connection.share takes a number from 0 to 1; it got 30.",
  ],
  [planWith({ fault: ok.fault }), "connections[0].when", "connections[0].when takes an object; it got nothing."],
  [
    planWith({ ...ok, when: { phase: "Open" } }),
    "connections[0].when.phase",
    'connections[0].when.phase is "Open", which is no phase; did you mean "open"? There are connect, clientHello, request, answer, open, closing.',
  ],
  [
    planWith({ ...ok, when: {} }),
    "connections[0].when.phase",
    'connections[0].when lacks phase, which takes "connect" or "clientHello" or "request" or "answer" or "open" or "closing".',
  ],
  [
    planWith({ ...ok, when: { phase: "answer", messages: 2 } }),
    "connections[0].when.messages",
    'connections[0].when.messages counts messages in the phase "open"; in the phase "answer" there are none.',
  ],
  [planWith({ ...ok, when: { phase: "open", ms: -1 } }), "connections[0].when.ms", /takes a number of ms/],
  [
    planWith({ ...ok, fault: { type: "blackhol" } }),
    "connections[0].fault.type",
    /^connections\[0\]\.fault\.type is "blackhol", which is no fault; did you mean "blackHole"\? There are latency, bandwidth, /,
  ],
  [planWith({ ...ok, fault: { type: "toString" } }), "connections[0].fault.type", /is no fault\. There are/],
  [
    planWith({ ...ok, fault: { type: "latency" } }),
    "connections[0].fault.ms",
    'connections[0].fault lacks ms, which takes a number of ms, from 0 to 2147483647, or { "from": …, "to": … } to draw it.',
  ],
  [
    planWith({ ...ok, fault: { type: "reset", dirction: "toClient" } }),
    "connections[0].fault.dirction",
    'connections[0].fault has a "dirction", which it doesn\'t take; did you mean "direction"? It takes type, direction.',
  ],
  [
    planWith({ ...ok, fault: { type: "close", direction: "both" } }),
    "connections[0].fault.direction",
    /"toClient" or "toServer"; it got "both"/,
  ],
  [
    planWith({ ...ok, fault: { type: "stall", ms: { from: 5, to: 4 } } }),
    "connections[0].fault.ms",
    /it got { from: 5, to: 4 }/,
  ],
  [planWith({ ...ok, fault: { type: "drip", every: 1, bytes: 1.5 } }), "connections[0].fault.bytes", /it got 1\.5/],
  [
    planWith({ ...ok, fault: { type: "refuse", status: 503 } }),
    "connections[0].fault",
    'connections[0].fault is "refuse", which happens at the phase "request" and at no other; this one\'s is "open".',
  ],
  [
    planWith({ ...ok, fault: { type: "tlsAlert" } }),
    "connections[0].fault",
    /at the phase "clientHello" and at no other/,
  ],
  [
    planWith({ ...ok, fault: { type: "inject" } }),
    "connections[0].fault.frame",
    /frame takes an object; it got nothing/,
  ],
  [
    planWith({ ...ok, fault: { type: "inject", frame: { opcode: "pong", paylod: "x" } } }),
    "connections[0].fault.frame.paylod",
    /did you mean "payload"\?/,
  ],
  [
    planWith({ ...ok, fault: { type: "inject", frame: { opcode: "text", payload: "x", size: 3 } } }),
    "connections[0].fault.frame",
    "connections[0].fault.frame has a payload and a size; a frame has one of the two.",
  ],
  [
    planWith({ ...ok, fault: { type: "random", of: [] } }),
    "connections[0].fault.of",
    /a list of faults that isn't empty/,
  ],
  [
    planWith({ ...ok, fault: { type: "random", of: [{ type: "reset" }, { type: "rest" }] } }),
    "connections[0].fault.of[1].type",
    /did you mean "reset"\?/,
  ],
];

for (const [plan, path, message] of WRONG) {
  test(`a plan that is wrong at ${path || "its top"} says so: ${JSON.stringify(plan)}`, () => {
    for (const check of [() => checkFaultPlan(plan), () => parseFaultPlan(JSON.stringify(plan))]) {
      assert.throws(check, (error) => {
        assert.ok(error instanceof FaultPlanError);
        assert.equal(error.path, path);
        if (typeof message === "string") assert.equal(error.message, message);
        else assert.match(error.message, message);
        return true;
      });
    }
  });
}

test("text that is no JSON is told so, with what the parser says", () => {
  assert.throws(() => parseFaultPlan('{ "seed": 1, }'), /^FaultPlanError: The plan is no JSON: .*position/);
});

test("faults that hold faults that hold faults have an end", () => {
  let fault: object = { type: "reset" };
  for (let depth = 0; depth < 10; depth += 1) fault = { type: "random", of: [fault] };
  assert.throws(() => checkFaultPlan(planWith({ ...ok, fault })), /faults deep/);
});

test("a plan with one of everything is right, and comes out of JSON as it went in", () => {
  const ms = { from: 1, to: 2.5 };
  const faults: FaultPlan["connections"][number]["fault"][] = [
    { type: "latency", ms, jitter: 5, direction: "both" },
    { type: "bandwidth", bytesPerSecond: { from: 10, to: 20 } },
    { type: "drip", bytes: 3, every: ms, direction: "toClient" },
    { type: "split", bytes: 1 },
    { type: "glue", messages: 2, ms: 10 },
    { type: "stall", ms },
    { type: "blackHole", direction: "toServer" },
    { type: "reset" },
    { type: "end", direction: "toClient" },
    { type: "close", code: 1001, reason: "bye", fin: true, direction: "toServer" },
    {
      type: "inject",
      frame: { opcode: 3, rsv: 4, fin: false, masked: true, length: 2 ** 40, lengthEncoding: "64-bit" },
    },
    { type: "inject", frame: { opcode: "ping", size: { from: 0, to: 125 } }, times: 10, every: 1 },
    { type: "garbage", bytes: 10 },
    { type: "corrupt", bytes: 2 },
    { type: "down", ms: 100 },
    { type: "random" },
    { type: "random", of: [{ type: "reset" }, { type: "end" }] },
  ];
  const plan: FaultPlan = {
    seed: -5,
    connections: [
      ...faults.map((fault) => ({
        when: { phase: "open" as const, messages: 1, bytes: 2, ms, direction: "toServer" as const },
        fault,
      })),
      {
        connection: 1,
        when: { phase: "request" },
        fault: { type: "refuse", status: 429, retryAfter: "Thu", headers: [["a", "b"]], body: "x", keepOpen: true },
      },
      { connection: [1, 2], when: { phase: "clientHello" }, fault: { type: "tlsAlert", description: 40 } },
      { connection: { from: 1, to: 5, every: 2, share: 0.5 }, when: { phase: "connect" }, fault: { type: "reset" } },
    ],
  };
  assert.equal(checkFaultPlan(plan), plan);
  assert.deepEqual(parseFaultPlan(JSON.stringify(plan)), plan);
});
