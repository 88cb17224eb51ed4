/**
 * What commands have of the process around them: its streams, its environment and its signals. Tests bring others.
 */
import type { Readable } from "node:stream";
import { EXIT_BY_SIGNAL } from "./exit-code.ts";
import { Output } from "./output.ts";

export type InputStream = Readable & { readonly isTTY?: boolean };

export type Host = {
  readonly input: InputStream;
  readonly output: Output;
  /** For people: what happens, warnings, errors. */
  readonly errors: Output;
  /** `listener` is told the exit code of the first signal that asks the process to end. A second signal ends it at once. */
  readonly onInterrupt: (listener: (exitCode: number) => void) => void;
  /** Does what Ctrl-C does, where that is a key and no signal. */
  readonly interrupt: () => void;
};

/** The process as it is. */
export function processHost(): Host {
  return {
    input: process.stdin,
    output: new Output(process.stdout, process.env),
    errors: new Output(process.stderr, process.env),
    onInterrupt: (listener) => {
      let interrupted = false;
      for (const [signal, exitCode] of Object.entries(EXIT_BY_SIGNAL)) {
        process.on(signal, () => {
          if (interrupted) process.exit(exitCode);
          interrupted = true;
          listener(exitCode);
        });
      }
    },
    interrupt: () => process.kill(process.pid, "SIGINT"),
  };
}
