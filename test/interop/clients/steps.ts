/**
 * What the clients in TypeScript have in common with those in Python: the steps that program.py tells of.
 */

export type Step = readonly [step: string, ...args: readonly unknown[]];

/** A client's socket, as far as it can do these things. */
export type StepSocket = {
  readonly send: (data: string | Uint8Array) => void;
  readonly sendInFragments?: (parts: readonly string[]) => void;
  readonly ping?: (payload: string) => void;
  readonly close: (code?: number, reason?: string) => void;
  readonly abort?: () => void;
  readonly subprotocol: () => string;
  readonly extensions: () => string;
};

export type StepEnd = { readonly code: number; readonly reason: string; readonly clean: boolean };

/** What has come and nobody has asked for yet. */
export class Arrivals<T> {
  readonly #values: T[] = [];
  #waiting: ((value: T) => void) | undefined;

  readonly add = (value: T): void => {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#values.push(value);
    else waiting(value);
  };

  next(): Promise<T> {
    const value = this.#values.shift();
    if (value !== undefined) return Promise.resolve(value);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }
}

/** Goes through the steps, and gives what came of each. */
export async function perform(
  socket: StepSocket,
  steps: readonly Step[],
  messages: Arrivals<string | Uint8Array>,
  pongs: Arrivals<string>,
  ended: Promise<StepEnd>,
): Promise<readonly unknown[]> {
  const results: unknown[] = [];
  for (const [step, ...args] of steps) results.push(await one(step, args));
  return results;

  async function one(step: string, args: readonly unknown[]): Promise<unknown> {
    switch (step) {
      case "send":
        return void socket.send(args[0] as string);
      case "send-bytes":
        return void socket.send(new Uint8Array(args[0] as number));
      case "send-fragments":
        return void socket.sendInFragments?.(args[0] as readonly string[]);
      case "receive": {
        const message = await messages.next();
        return typeof message === "string" ? message : { bytes: message.length };
      }
      case "ping":
        socket.ping?.(args[0] as string);
        return (await pongs.next()) === args[0];
      case "close":
        socket.close(args[0] as number | undefined, args[1] as string | undefined);
        return void (await ended);
      case "end":
        return await ended;
      case "subprotocol":
        return socket.subprotocol();
      case "extensions":
        return socket.extensions();
      case "abort":
        return void socket.abort?.();
      default:
        throw new Error(`There is no step ${step}.`);
    }
  }
}
