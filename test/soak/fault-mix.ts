/** What the proxies of the real soak do to connections: every one of them meets something, sooner or later, and the seed says what. */
import type { Fault, FaultPlan } from "../../src/testing/index.ts";

const OPENING_ENDS: readonly Fault[] = [
  { type: "reset" },
  { type: "end" },
  { type: "blackHole" },
  { type: "garbage" },
  { type: "corrupt" },
];

/** `worst`: by when, in ms, an open connection meets its fault. */
export function faultMix(seed: number, worst: number): FaultPlan {
  return {
    seed,
    connections: [
      { connection: { share: 0.03 }, when: { phase: "connect" }, fault: { type: "random" } },
      { connection: { share: 0.05 }, when: { phase: "request" }, fault: { type: "random" } },
      {
        connection: { share: 0.03 },
        when: { phase: "request" },
        fault: { type: "refuse", status: 503, retryAfter: 2 },
      },
      {
        connection: { share: 0.04 },
        when: { phase: "answer", bytes: { from: 1, to: 120 } },
        fault: { type: "random", of: OPENING_ENDS },
      },
      {
        connection: { share: 0.2 },
        when: { phase: "open" },
        fault: { type: "latency", ms: { from: 1, to: 200 }, jitter: { from: 0, to: 100 } },
      },
      {
        connection: { share: 0.05 },
        when: { phase: "open", ms: { from: 0, to: worst } },
        fault: { type: "inject", frame: { opcode: "ping", size: 125 }, times: { from: 100, to: 5000 } },
      },
      { when: { phase: "open", ms: { from: 0, to: worst } }, fault: { type: "random" } },
      { when: { phase: "open", ms: { from: worst / 2, to: worst } }, fault: { type: "random" } },
      {
        connection: { share: 0.01 },
        when: { phase: "open", ms: { from: 0, to: worst } },
        fault: { type: "down", ms: { from: 500, to: 3000 } },
      },
      { connection: { share: 0.1 }, when: { phase: "closing" }, fault: { type: "random" } },
    ],
  };
}
