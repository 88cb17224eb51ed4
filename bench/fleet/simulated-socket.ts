/**
 * A WebSocket class, as browsers and `ws` have it, whose connections lead to the simulated server: what wrappers that take a class are given.
 */
import type { Start } from "./client.ts";
import type { Attempt } from "./simulated-server.ts";

type EventType = "open" | "error" | "close" | "message";
type Listener = (event: object) => void;

/** The little of a WebSocket class that is used here by name; the wrappers find the rest of it. */
type SocketClass = new (url: string) => { addEventListener(type: EventType, listener: Listener): void };

/** The class for one client. */
export function socketClass({ id, server, roundTrip }: Parameters<Start>[0]): SocketClass {
  return class SimulatedSocket {
    static readonly CONNECTING = 0;
    static readonly OPEN = 1;
    static readonly CLOSING = 2;
    static readonly CLOSED = 3;
    readonly OPEN = 1;
    readonly CLOSED = 3;
    readonly CONNECTING = 0;
    readonly CLOSING = 2;
    readyState = 0;
    binaryType = "blob";
    readonly #listeners: Record<EventType, Set<Listener>> = {
      open: new Set(),
      error: new Set(),
      close: new Set(),
      message: new Set(),
    };
    readonly #attempt: Attempt;

    constructor(_url: string) {
      const failed = (message: string) => {
        this.readyState = 3;
        this.#emit("error", { error: new Error(message), message });
        this.#emit("close", { code: 1006, reason: "", wasClean: false });
      };
      this.#attempt = server.connect(id, roundTrip, {
        connected: () => undefined,
        opened: () => {
          this.readyState = 1;
          this.#emit("open", {});
        },
        refused: () => failed("ECONNREFUSED"),
        // None of them sees the status, let alone the header: browsers hide it, and `ws` has it in another event.
        answered: (status) => failed(`Unexpected server response: ${status}`),
        closed: (code) => {
          this.readyState = 3;
          this.#emit("close", { code, reason: "", wasClean: true });
        },
        lost: () => failed("ECONNRESET"),
      });
    }

    addEventListener(type: EventType, listener: Listener): void {
      this.#listeners[type].add(listener);
    }

    removeEventListener(type: EventType, listener: Listener): void {
      this.#listeners[type].delete(listener);
    }

    close(): void {
      this.readyState = 3;
      this.#attempt.leave();
    }

    send(): void {}

    #emit(type: EventType, details: object): void {
      for (const listener of [...this.#listeners[type]]) listener({ type, ...details });
    }
  };
}
