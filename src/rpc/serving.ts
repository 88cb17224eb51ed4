/**
 * Requests and notifications of the server, given to the handlers of their methods; answers go out on the connection they were asked on.
 */
import type { Connection, FrameLike } from "../index.ts";
import { RpcError } from "./errors.ts";
import type { Handlers, Incoming, Outcome } from "./protocol.ts";

/** JSON-RPC's "Internal error" (section 5.1); and, of the range left to implementations, too many requests at once. */
const INTERNAL_ERROR = -32603;
const TOO_MANY_REQUESTS = -32000;

export interface ServingPort {
  /** Sends an answer, if this link still stands. */
  respond(frame: FrameLike, link: number): void;
  /** A handler failed, otherwise than with an RpcError, after its call had returned. */
  fault(error: unknown): void;
}

export class Serving {
  readonly #handlers: Handlers;
  readonly #limit: number;
  readonly #connection: Connection<unknown>;
  readonly #port: ServingPort;
  #running = 0;

  constructor(handlers: Handlers, limit: number, connection: Connection<unknown>, port: ServingPort) {
    this.#handlers = handlers;
    this.#limit = limit;
    this.#connection = connection;
    this.#port = port;
  }

  /** False when there is no handler for it. What a handler throws, but for an RpcError, is thrown on once the server has been told. */
  handle({ method, params, respond }: Incoming, link: number): boolean {
    const handler = Object.hasOwn(this.#handlers, method) ? this.#handlers[method] : undefined;
    if (handler === undefined) return false;
    const answer = (outcome: Outcome): void => {
      if (respond !== undefined) this.#port.respond(respond(outcome), link);
    };
    if (this.#running >= this.#limit) {
      answer({ error: new RpcError(TOO_MANY_REQUESTS, "Too many requests at once.") });
      return true;
    }
    let result: unknown;
    try {
      result = handler(params, this.#connection);
    } catch (error) {
      fail(error, answer);
      return true;
    }
    if (!isThenable(result)) {
      answer({ result });
      return true;
    }
    this.#running += 1;
    Promise.resolve(result)
      .then(
        (settled) => answer({ result: settled }),
        (error: unknown) => fail(error, answer),
      )
      .catch((error: unknown) => this.#port.fault(error))
      .finally(() => {
        this.#running -= 1;
      });
    return true;
  }
}

function fail(error: unknown, answer: (outcome: Outcome) => void): void {
  if (error instanceof RpcError) {
    answer({ error });
    return;
  }
  answer({ error: new RpcError(INTERNAL_ERROR, "Internal error") });
  throw error;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
