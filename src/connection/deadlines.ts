/**
 * The timers of the lifecycle: one deadline for the state that a connection is in, one for what stands beside it during a
 * replacement, and one for a stop.
 */
import type { Clock, Timer } from "../platform/platform.ts";
import type { AttemptPhase, TimerName } from "./lifecycle.ts";

export interface DeadlinesPort {
  timedOut(timer: TimerName): void;
  besideTimedOut(timer: AttemptPhase | "close"): void;
}

type Running = { readonly timer: Timer; readonly name: Exclude<TimerName, "stop"> };

export class Deadlines {
  readonly #clock: Clock;
  readonly #ref: boolean;
  readonly #port: DeadlinesPort;
  #present: Running | undefined;
  #beside: Running | undefined;
  #stop: { readonly timer: Timer; readonly at: number } | undefined;

  /** `ref: false` doesn't keep the process alive. */
  constructor(clock: Clock, ref: boolean, port: DeadlinesPort) {
    this.#clock = clock;
    this.#ref = ref;
    this.#port = port;
  }

  /** Sets the deadline of the present state in place of the one before; Infinity sets none. */
  set(name: Exclude<TimerName, "stop">, ms: number): void {
    this.clear();
    this.#present = this.#start(name, ms);
  }

  clear(): void {
    if (this.#present !== undefined) this.#clock.cancel(this.#present.timer);
    this.#present = undefined;
  }

  /** Sets the deadline of what stands beside, in place of the one before. */
  setBeside(name: AttemptPhase | "close", ms: number): void {
    this.clearBeside();
    this.#beside = this.#start(name, ms);
  }

  clearBeside(): void {
    if (this.#beside !== undefined) this.#clock.cancel(this.#beside.timer);
    this.#beside = undefined;
  }

  /** What stood beside has become the connection's own, its deadline with it. */
  adoptBeside(): void {
    this.clear();
    this.#present = this.#beside;
    this.#beside = undefined;
  }

  /** Sets the deadline of a stop. A stop that comes again may bring the end nearer, never put it off. */
  setStop(ms: number): void {
    const at = this.#clock.now() + ms;
    if (this.#stop !== undefined) {
      if (this.#stop.at <= at) return;
      this.#clock.cancel(this.#stop.timer);
    }
    this.#stop = { timer: this.#clock.after(ms, () => this.#port.timedOut("stop"), this.#ref), at };
  }

  /** No timer runs any more. */
  end(): void {
    this.clear();
    this.clearBeside();
    if (this.#stop !== undefined) this.#clock.cancel(this.#stop.timer);
    this.#stop = undefined;
  }

  #start(name: Exclude<TimerName, "stop">, ms: number): Running {
    const running: Running = { name, timer: this.#clock.after(ms, () => this.#fire(running), this.#ref) };
    return running;
  }

  #fire(running: Running): void {
    if (running === this.#present) {
      this.#present = undefined;
      this.#port.timedOut(running.name);
    } else if (running === this.#beside) {
      this.#beside = undefined;
      this.#port.besideTimedOut(running.name as AttemptPhase | "close");
    }
  }
}
