/**
 * A host for commands that run inside a test: streams that say they are a terminal, or say they are none, and signals by hand.
 */
import { PassThrough } from "node:stream";
import type { Host } from "../../src/cli/host.ts";
import { Output, type OutputStream } from "../../src/cli/output.ts";

type FakeOptions = {
  readonly terminal?: boolean;
  readonly env?: Readonly<Record<string, string>>;
};

export class FakeHost implements Host {
  readonly input: PassThrough & { isTTY?: boolean } = new PassThrough();
  readonly output: Output;
  readonly errors: Output;
  readonly #written: { stdout: string; stderr: string } = { stdout: "", stderr: "" };
  readonly #readers = new Set<() => void>();
  #listener: ((exitCode: number) => void) | undefined;

  constructor({ terminal = false, env = {} }: FakeOptions = {}) {
    if (terminal) this.input.isTTY = true;
    this.output = new Output(this.#stream("stdout", terminal), env);
    this.errors = new Output(this.#stream("stderr", terminal), env);
  }

  get stdout(): string {
    return this.#written.stdout;
  }

  get stderr(): string {
    return this.#written.stderr;
  }

  readonly onInterrupt = (listener: (exitCode: number) => void): void => {
    this.#listener = listener;
  };

  readonly interrupt = (): void => this.#listener?.(130);

  /** Resolves when what has been written to either stream satisfies this. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#readers.add(resolve));
  }

  #stream(name: "stdout" | "stderr", terminal: boolean): OutputStream {
    const stream = new PassThrough({ encoding: "utf8" });
    stream.on("data", (text: string) => {
      this.#written[name] += text;
      for (const resolve of this.#readers) resolve();
      this.#readers.clear();
    });
    return Object.assign(stream, terminal ? { isTTY: true, columns: 80, rows: 24 } : {});
  }
}
