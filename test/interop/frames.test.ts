/** The decoder beside the engine of Python's `websockets`: the corpus and some thousand inputs for each role. */
import { after, describe, it } from "node:test";
import { fuzz } from "../fuzz/fuzzing.ts";
import { besidePython } from "./beside-python.ts";

const EXECUTIONS = 3000;
const SEED = 20_26;

describe("the decoder beside Python's", () => {
  for (const role of ["client", "server"] as const) {
    const target = besidePython(role);
    after(() => target.end?.());

    it(`gives as a ${role} the same messages and verdicts, but for the differences in the table`, async () => {
      const { finding } = await fuzz(target, SEED, (executions) => executions < EXECUTIONS);
      if (finding === undefined) return;
      throw new Error(`It differs on ${Buffer.from(finding.input).toString("hex")}.`, { cause: finding.error });
    });
  }
});
