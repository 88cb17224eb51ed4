/**
 * The decoder against two independent ones: the `ws` package's Receiver, and the plain reference decoder beside
 * this file. Same messages, same verdicts, for valid streams, broken streams, and any split of them.
 *
 * EVERFRESH_FUZZ_RUNS sets how many streams each test tries (default: 8000, or as many as fit in a second).
 * A failure prints its seed and the smallest stream that fails. test/fuzz/ tries the same with inputs of another kind.
 */
import { describe, it } from "node:test";
import fc from "fast-check";
import { agreesWithWs } from "./beside-ws.ts";
import { agreesWithReference } from "./reference-decoder.ts";
import { brokenStreamArbitrary, streamArbitrary } from "./streams.ts";

const { EVERFRESH_FUZZ_RUNS: asked } = process.env;
const runs: fc.Parameters<unknown> =
  asked === undefined
    ? { numRuns: 8000, interruptAfterTimeLimit: 1000, markInterruptAsFailure: false }
    : { numRuns: Number(asked) };

for (const role of ["client", "server"] as const) {
  const limitsArbitrary = fc.record({
    role: fc.constant(role),
    maxMessageSize: fc.oneof({ weight: 3, arbitrary: fc.constant(1 << 20) }, fc.integer({ min: 1, max: 300 })),
    maxFragments: fc.oneof({ weight: 3, arbitrary: fc.constant(64) }, fc.integer({ min: 1, max: 4 })),
  });
  const cutsArbitrary = fc.array(fc.nat(5000), { maxLength: 12 });

  describe(`a ${role}'s decoder beside others`, () => {
    it("gives the messages and verdict of ws for valid streams in any split", () => {
      fc.assert(fc.property(streamArbitrary(role), cutsArbitrary, limitsArbitrary, agreesWithWs), runs);
    });

    it("gives the messages and verdict of ws for broken streams, but for the differences in the table", () => {
      fc.assert(fc.property(brokenStreamArbitrary(role), cutsArbitrary, limitsArbitrary, agreesWithWs), runs);
    });

    it("gives the messages, the verdict and the reason of the reference decoder for broken streams", () => {
      fc.assert(fc.property(brokenStreamArbitrary(role), cutsArbitrary, limitsArbitrary, agreesWithReference), runs);
    });
  });
}
