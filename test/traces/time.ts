/**
 * Two clocks on which waiting costs nothing, and what runs scripts on them: one for the model, and one for real sockets and the
 * library's own timers, whose time passes only while nothing else happens.
 */
import type { Clock } from "../../src/platform/platform.ts";
import type { Script, Wait } from "./script.ts";

type Planned = { readonly at: number; readonly run: () => void; cancelled: boolean };

/** A clock that jumps from one planned moment to the next. */
export class VirtualTime {
  #now = 0;
  // In the order of their time, and of planning within it.
  #planned: Planned[] = [];
  readonly #waiting = new Set<() => void>();
  #onTheWay: (() => void)[] = [];

  get now(): number {
    return this.#now;
  }

  get idle(): boolean {
    return this.#planned.length === 0;
  }

  /** Plans something; what is planned for one moment runs in the order of planning. Returns its undoing. */
  after(ms: number, run: () => void): () => void {
    const planned: Planned = { at: this.#now + ms, run, cancelled: false };
    const place = this.#planned.findIndex(({ at }) => at > planned.at);
    this.#planned.splice(place === -1 ? this.#planned.length : place, 0, planned);
    return () => {
      planned.cancelled = true;
    };
  }

  /** What takes no time but a way: it arrives before anything else that is planned, the present moment's too. */
  send(arrive: () => void): void {
    this.#onTheWay.push(arrive);
  }

  /** Starts a script; `done` is called with what it returns. */
  start<Result>(script: Script<Result>, done: (result: Result) => void = () => undefined): void {
    const step = script.next();
    if (step.done === true) done(step.value);
    else this.#wait(step.value, () => this.start(script, done));
  }

  /** Something happened that a condition may be about. */
  changed(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Runs all that happens without time going on. */
  settle(): void {
    while (this.#planned.some(({ at, cancelled }) => !cancelled && at <= this.#now)) this.jump();
  }

  /** Runs what is planned next, and with it all that is planned for the same moment by now. */
  jump(): void {
    this.#arrive();
    const next = this.#planned.find(({ cancelled }) => !cancelled);
    if (next === undefined) {
      this.#planned = [];
      return;
    }
    this.#now = next.at;
    const due = this.#planned.filter(({ at }) => at <= this.#now);
    this.#planned = this.#planned.slice(due.length);
    for (const planned of due) {
      if (!planned.cancelled) planned.run();
      this.changed();
    }
    this.#arrive();
  }

  #arrive(): void {
    for (let arrive = this.#onTheWay.shift(); arrive !== undefined; arrive = this.#onTheWay.shift()) {
      arrive();
      this.changed();
    }
  }

  #wait(wait: Wait, resume: () => void): void {
    if ("ms" in wait) {
      this.after(wait.ms, resume);
      return;
    }
    const leave = (): void => {
      this.#waiting.delete(look);
      cancel();
      this.after(0, resume);
    };
    const look = (): void => {
      if (wait.until()) leave();
    };
    const cancel = this.after(wait.limit, leave);
    this.#waiting.add(look);
    look();
  }
}

/** Turns of the event loop without a sign of life, and real ms, after which the sockets have nothing more to say. */
const QUIET_TURNS = 16;
const QUIET_MS = 1;

/**
 * Time for scripts, sockets and the library together. It jumps once nothing has happened for some turns of the event loop:
 * bytes on 127.0.0.1 are there at once, so they never lose a race against a timer, however busy the machine is.
 */
export class QuietTime {
  readonly #virtual = new VirtualTime();
  #running = false;
  #turns = 0;
  #since = 0;

  /** The library's clock on this time, to stand in the place of the platform's. */
  readonly clock: Clock = {
    now: () => this.#virtual.now,
    wallClock: () => this.#virtual.now,
    after: (ms, callback) => ({ timer: ms === Number.POSITIVE_INFINITY ? () => undefined : this.after(ms, callback) }),
    cancel: ({ timer }) => (timer as () => void)(),
  };

  /** A stand-in for the global setTimeout, which the transport's own timers use. */
  readonly setTimeout = (run: () => void, ms = 0) => {
    let cancel = this.after(ms, run);
    const timer = {
      cancel: () => cancel(),
      ref: () => timer,
      unref: () => timer,
      hasRef: () => true,
      refresh: () => {
        cancel();
        cancel = this.after(ms, run);
        return timer;
      },
    };
    return timer;
  };

  /** Calls back after so long; returns its undoing. */
  after(ms: number, run: () => void): () => void {
    const cancel = this.#virtual.after(ms, run);
    this.#go();
    return cancel;
  }

  /** Something happened: conditions are looked at, and the sockets may have more to say. */
  changed(): void {
    this.#turns = 0;
    this.#since = performance.now();
    this.#virtual.changed();
  }

  /** Runs a script to its end. */
  run<Result>(script: Script<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      try {
        this.#virtual.start(script, resolve);
      } catch (error) {
        reject(error);
      }
      this.#go();
    });
  }

  #go(): void {
    this.#turns = 0;
    this.#since = performance.now();
    if (this.#running) return;
    this.#running = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#turns += 1;
    if (this.#turns >= QUIET_TURNS && performance.now() - this.#since >= QUIET_MS) {
      this.#turns = 0;
      this.#since = performance.now();
      this.#virtual.jump();
    }
    this.#running = !this.#virtual.idle;
    if (this.#running) setImmediate(this.#turn);
  };
}
