/**
 * The real command in a process of its own: what it prints is waited for, its signals and its end are seen.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const FROM_SOURCE = ["--conditions=everfresh-source", "--import", import.meta.resolve("tsx"), `${ROOT}src/cli/main.ts`];

export type Ended = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
};

export type CommandOptions = {
  readonly env?: Readonly<Record<string, string>>;
  /** "nothing" is /dev/null; a string is written to a pipe, which then ends; default: a pipe that stays open. */
  readonly input?: "nothing" | { readonly text: string | Uint8Array };
};

/** A test, or whatever else cleans up behind itself. */
type Owner = { after(callback: () => void): void };

export class RunningCommand {
  readonly ended: Promise<Ended>;
  readonly stdout: Text;
  readonly stderr: Text;
  readonly #child: ChildProcess;

  constructor(owner: Owner, args: readonly string[], { env = {}, input }: CommandOptions = {}) {
    // What the tests themselves run under is nothing of the command's.
    const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, NO_COLOR: ___, ...inherited } = process.env;
    const child = spawn(process.execPath, [...FROM_SOURCE, ...args], {
      env: { ...inherited, ...env },
      stdio: [input === "nothing" ? "ignore" : "pipe", "pipe", "pipe"],
    });
    owner.after(() => void child.kill("SIGKILL"));
    this.#child = child;
    this.stdout = new Text(child.stdout as Readable, "standard output");
    this.stderr = new Text(child.stderr as Readable, "standard error");
    // It may end before it has read all of it.
    child.stdin?.on("error", () => {});
    if (typeof input === "object") child.stdin?.end(input.text);
    this.ended = once(child, "close").then(([code, signal]) => ({
      code,
      signal,
      stdout: this.stdout.all,
      stderr: this.stderr.all,
    }));
    void this.ended.then((ended) => {
      this.stdout.end(ended);
      this.stderr.end(ended);
    });
  }

  get stdin(): Writable {
    return this.#child.stdin as Writable;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }
}

/** Runs it to its end. */
export function runCommand(
  owner: Owner,
  args: readonly string[],
  options: CommandOptions = { input: "nothing" },
): Promise<Ended> {
  return new RunningCommand(owner, args, options).ended;
}

type Waiter = {
  readonly pattern: RegExp;
  readonly times: number;
  readonly resolve: (line: string) => void;
  readonly reject: (error: Error) => void;
};

/** A stream's text as it comes. */
class Text {
  all = "";
  readonly #stream: Readable;
  readonly #name: string;
  #waiters: Waiter[] = [];
  #ended: Ended | undefined;

  constructor(stream: Readable, name: string) {
    this.#stream = stream;
    this.#name = name;
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      this.all += chunk;
      this.#waiters = this.#waiters.filter((waiter) => !this.#satisfies(waiter));
    });
  }

  /** The first whole line that matches, now or later. Rejects when the command ends without it. */
  line(pattern: RegExp): Promise<string> {
    return this.times(pattern, 1);
  }

  /** The line that is the how-manyth to match. */
  times(pattern: RegExp, times: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const waiter = { pattern, times, resolve, reject };
      if (this.#satisfies(waiter)) return;
      if (this.#ended !== undefined) this.#fail(waiter);
      else this.#waiters.push(waiter);
    });
  }

  /** Nobody reads it any more: the next write gets EPIPE. */
  close(): void {
    this.#stream.destroy();
  }

  end(ended: Ended): void {
    this.#ended = ended;
    for (const waiter of this.#waiters.splice(0)) this.#fail(waiter);
  }

  #satisfies({ pattern, times, resolve }: Waiter): boolean {
    const lines = this.all.split("\n").slice(0, -1);
    const line = lines.filter((line) => pattern.test(line))[times - 1];
    if (line !== undefined) resolve(line);
    return line !== undefined;
  }

  #fail({ pattern, reject }: Waiter): void {
    const { code, signal, stdout, stderr } = this.#ended as Ended;
    reject(
      new Error(
        `No line of the ${this.#name} matches ${pattern}; the command ended with ${code ?? signal}.\n${stdout}\n${stderr}`,
      ),
    );
  }
}
