/**
 * What a connection has open in this process: its sockets and timers, told apart from those of the servers beside it by who made them.
 */
import { AsyncResource, createHook, executionAsyncId } from "node:async_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";

/** Sockets, by TCP and by path, and timers. */
const WATCHED: ReadonlySet<string> = new Set(["TCPWRAP", "PIPEWRAP", "Timeout"]);
/** A destroyed socket has closed some turns of the event loop later. */
const TURNS = 50;
const SERVER = "FaultMatrixServer";

/** Whatever is opened in here, and by what is opened in here, is not the connection's. */
export function asServer<T>(run: () => T): T {
  return new AsyncResource(SERVER).runInAsyncScope(run);
}

export class Handles {
  readonly #open = new Map<number, string>();
  readonly #servers = new Set<number>();
  readonly #hook = createHook({
    init: (id, type, trigger) => {
      // A socket that a server accepts is made in nobody's name, and the server is what triggered it.
      if (type === SERVER || this.#servers.has(executionAsyncId()) || this.#servers.has(trigger)) this.#servers.add(id);
      else if (WATCHED.has(type)) this.#open.set(id, type);
    },
    destroy: (id) => {
      this.#open.delete(id);
      this.#servers.delete(id);
    },
  });

  constructor() {
    this.#hook.enable();
  }

  /** What is still open when everything that is closing has closed. */
  async left(): Promise<readonly string[]> {
    for (let turn = 0; turn < TURNS && this.#open.size > 0; turn += 1) await nextTurn();
    return [...this.#open.values()];
  }

  end(): void {
    this.#hook.disable();
  }
}
