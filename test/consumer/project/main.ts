/** A user's program in TypeScript: what the README shows, and the types that are most easily lost in a package. */
import { type Connection, type ExitReason, Fresh, type Options, ok, reconnect, reply, stop, text } from "everfresh";

const options: Options<number> = {
  name: "counter",
  headers: ({ attempt, signal }) => (signal.aborted ? {} : { "x-attempt": String(attempt) }),
  transportOptions: { rejectUnauthorized: true, tls: { servername: "example.org" } },
};

const Counter = Fresh.define<number>("Counter", {
  handleConnect: (status, headers) => reply(text(`${status.toFixed()} ${headers.get("upgrade") ?? ""}`), 0),
  handleIn(frame, count) {
    if (frame.type !== "text") return ok(count);
    return reply(text(frame.data.toUpperCase()), count + 1);
  },
  handleDisconnect: (code) => (code === 1008 ? stop() : reconnect()),
});

export async function main(): Promise<ExitReason> {
  await using counter: Connection<number> = Counter.start({ uri: "ws://127.0.0.1:9", state: 0, options });
  return await counter.stop("shutdown");
}

// Where node's types are missing, these become `any` and all is accepted.
// @ts-expect-error: a timeout is a number
export const wrongNodeOption: Options<number> = { transportOptions: { timeout: "soon" } };
// @ts-expect-error: the state is a number
export const wrongState = () => Counter.start({ uri: "ws://127.0.0.1:9", state: "zero" });
