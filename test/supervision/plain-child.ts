/** What the tests of supervisors start: children that end when a test says so, and a log of what was reported. */
import type { Child, ChildSpec, ExitReason, SupervisorLogger } from "../../src/index.ts";

export class PlainChild implements Child {
  readonly exited: Promise<ExitReason>;
  /** What it was told, in order: `shutdown 5000`. */
  readonly told: string[] = [];
  /** Does it end when it is told to, only when it is cut off, or never? */
  heeds: "all" | "killed" | "nothing" = "all";
  exit: (reason: ExitReason) => void = () => undefined;

  constructor() {
    this.exited = new Promise((resolve) => {
      this.exit = resolve;
    });
  }

  async stop(reason: ExitReason = "normal", { timeout = 5000 }: { readonly timeout?: number } = {}): Promise<void> {
    this.told.push(`${String(reason)} ${timeout}`);
    if (this.heeds === "all" || (this.heeds === "killed" && reason === "killed")) this.exit(reason);
  }
}

/** Starts plain children under one specification, and keeps them all. */
export class Starts {
  readonly children: PlainChild[] = [];
  readonly #id: string;
  readonly #events: string[];

  constructor(id: string, events: string[] = []) {
    this.#id = id;
    this.#events = events;
  }

  get newest(): PlainChild {
    const child = this.children.at(-1);
    if (child === undefined) throw new Error(`${this.#id} was never started.`);
    return child;
  }

  spec(more: Partial<ChildSpec> = {}): ChildSpec {
    return {
      id: this.#id,
      start: () => {
        const child = new PlainChild();
        this.children.push(child);
        this.#events.push(`start ${this.#id}`);
        void child.exited.then((reason) => this.#events.push(`end ${this.#id} ${String(reason)}`));
        return child;
      },
      ...more,
    };
  }
}

export class Reports implements SupervisorLogger {
  readonly events: string[] = [];
  readonly messages: string[] = [];
  readonly error: SupervisorLogger["error"] = ({ event, childId }, message) => {
    this.events.push(`${String(event)} ${String(childId)}`);
    this.messages.push(message);
  };
}

export const SILENT: SupervisorLogger = { error: () => undefined };
