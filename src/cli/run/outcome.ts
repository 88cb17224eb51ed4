/**
 * What came of a running app, as an exit code and a sentence.
 */
import { describeExitReason, type ExitReason, isOrderly } from "../../supervision/exit-reason.ts";
import { EXIT_CUT_OFF, EXIT_DONE, EXIT_FAILED, EXIT_GAVE_UP } from "../exit-code.ts";

export type Ending = {
  readonly reason: ExitReason;
  /** Was it told to end, or did it end by itself? */
  readonly told: boolean;
  readonly gaveUp: boolean;
  /** Why its children could not all be started. */
  readonly startError: unknown;
};

export type Outcome = { readonly exitCode: number; readonly sentence: string | undefined };

export function outcomeOf({ reason, told, gaveUp, startError }: Ending): Outcome {
  if (told && reason === "killed") return { exitCode: EXIT_CUT_OFF, sentence: undefined };
  if (!told && startError !== undefined) {
    const why = startError instanceof Error ? startError.message : String(startError);
    return { exitCode: EXIT_FAILED, sentence: why };
  }
  if (!told && gaveUp) {
    return { exitCode: EXIT_GAVE_UP, sentence: "The supervisor gave up: children had to be restarted too often." };
  }
  if (isOrderly(reason)) return { exitCode: EXIT_DONE, sentence: undefined };
  return { exitCode: EXIT_FAILED, sentence: `The app ended with a fault: ${describeExitReason(reason)}` };
}
