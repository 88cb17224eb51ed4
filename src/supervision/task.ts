/**
 * A plain async function as a child (Elixir, `Task`): it runs until it has done, or until its signal tells it to end.
 */
import { platform } from "#platform";
import type { Child } from "./child.ts";
import type { ChildSpec } from "./child-spec.ts";
import type { ExitReason } from "./exit-reason.ts";

/** What a task does. It ends when `signal` aborts, whose reason is the exit reason it was asked for. */
export type TaskFunction = (signal: AbortSignal) => void | Promise<void>;

export interface Task extends Child, AsyncDisposable {
  stop(reason?: ExitReason, options?: { readonly timeout?: number }): Promise<ExitReason>;
}

class TaskProcess implements Task {
  readonly exited: Promise<ExitReason>;
  readonly #abort = new AbortController();
  #asked: ExitReason | undefined;
  #resolve: (reason: ExitReason) => void = () => undefined;

  constructor(work: TaskFunction) {
    this.exited = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    // In a microtask, so that whoever starts it has it before it can end.
    Promise.resolve()
      // One that was stopped before that never begins: it couldn't hear of an abort that is past.
      .then(() => (this.#abort.signal.aborted ? undefined : work(this.#abort.signal)))
      .then(
        () => this.#resolve(this.#asked ?? "normal"),
        (error) => this.#resolve(this.#reasonOf(error)),
      );
  }

  stop(reason: ExitReason = "normal", { timeout = 5000 }: { readonly timeout?: number } = {}): Promise<ExitReason> {
    this.#asked ??= reason;
    this.#abort.abort(this.#asked);
    const timer = platform.clock.after(timeout, () => this.#resolve("killed"), true);
    return this.exited.finally(() => platform.clock.cancel(timer));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** What is thrown because of the signal is how a task ends that was told to. */
  #reasonOf(error: unknown): ExitReason {
    const { signal } = this.#abort;
    const told = signal.aborted && (error === signal.reason || (error as Error | undefined)?.name === "AbortError");
    return told ? (this.#asked ?? "normal") : { error, callback: "task" };
  }
}

export const Task = {
  /**
   * Runs the function. It exits with "normal" when that has done, with what it was stopped with when it ended for its signal, with
   * `{ error, callback: "task" }` when it threw. A task that doesn't end within its stop's timeout (5000 ms) is given up: "killed".
   */
  start: (work: TaskFunction): Task => new TaskProcess(work),
  /** The specification of a task as a child; restart "temporary", as Elixir's. */
  childSpec: ({ id = "Task", run }: { readonly id?: string; readonly run: TaskFunction }): ChildSpec => ({
    id,
    start: () => new TaskProcess(run),
    restart: "temporary",
  }),
} as const;
