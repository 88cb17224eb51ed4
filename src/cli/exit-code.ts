/**
 * The exit codes of the command, one meaning each; every `--help` and docs/cli.md list them.
 */

/** It did what it was asked for. */
export const EXIT_DONE = 0;
/** The connection failed or ended with a fault, or something that was to be sent was not. */
export const EXIT_FAILED = 1;
/** The command line can't be carried out; nothing was opened. */
export const EXIT_USAGE = 2;

/** A supervisor gave up: its children had to be restarted too often. */
export const EXIT_GAVE_UP = 3;
/** It was told to end and didn't in time. */
export const EXIT_CUT_OFF = 4;

/** Ended by a signal: 128 and its number, as shells count it. */
export const EXIT_BY_SIGNAL = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** The command line can't be carried out: a sentence that says what to write instead. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
