/** What a connection and the functions of Fresh take and give. */
import {
  type Child,
  type ChildSpec,
  type Connection,
  type ConnectionRef,
  type ConnectionStats,
  type ConnectionStatus,
  type ExitReason,
  Fresh,
  type FreshModule,
  type SendResult,
} from "../../src/index.ts";
import { exactly, uri } from "./same.ts";

export async function members(connection: Connection<number>): Promise<void> {
  exactly<string>()(connection.id, true);
  exactly<ConnectionStatus>()(connection.status, true);
  exactly<"idle" | "connecting" | "open" | "closing" | "waiting" | "terminated">()(connection.status, true);
  exactly<number>()(connection.bufferedAmount, true);
  exactly<ConnectionStats>()(connection.stats, true);
  exactly<SendResult>()(connection.send("x", { whenClosed: "drop", ttl: 1 }), true);
  exactly<"sent" | "queued" | "dropped">()(connection.send(new Uint8Array(1)), true);
  exactly<Promise<ExitReason>>()(connection.exited, true);
  exactly<Promise<ExitReason>>()(connection.stop({ shutdown: "why" }, { timeout: 1 }), true);
  exactly<Promise<number>>()(connection.probe(), true);
  exactly<Promise<void>>()(connection.drain({ signal: AbortSignal.timeout(1) }), true);
  exactly<Promise<void>>()(connection.opened(), true);

  // @ts-expect-error 2540: it tells, it isn't told
  connection.status = "open";
  // @ts-expect-error 2345: no frame
  connection.send(42);
  // @ts-expect-error 2322: queue or drop
  connection.send("x", { whenClosed: "later" });
  // @ts-expect-error 2353: timeout is an option of stop
  connection.stop("normal", { after: 1 });
}

export async function scope(Counter: FreshModule<number>): Promise<void> {
  await using connection = Counter.start({ uri, state: 0 });
  await connection.opened();
}

export function references(connection: Connection<number>): readonly ConnectionRef[] {
  Fresh.send(connection, "x");
  Fresh.send("name", "x");
  Fresh.send(Symbol("name"), new Uint8Array(1), { ttl: 1 });
  Fresh.close(connection);
  Fresh.close("name", 1000, "reason");
  Fresh.info(connection, { any: "value" });
  exactly<boolean>()(Fresh.isOpen(connection), true);
  Fresh.whereis("name")?.send("x");

  // @ts-expect-error 2345: neither a connection nor a name
  Fresh.send(42, "x");
  // @ts-expect-error 2345: neither a connection nor a name
  Fresh.close(undefined);
  // @ts-expect-error 2554: an info has a message
  Fresh.info("name");
  // @ts-expect-error 2345: no frame
  Fresh.send("name", { type: "frame" });
  return [connection, "name", Symbol("name"), { global: "name" }];
}

/** A connection is a child that a supervisor can watch, and a module's childSpec says how. */
export function children(connection: Connection<number>, Counter: FreshModule<number>): readonly [Child, ChildSpec] {
  return [connection, Counter.childSpec({ uri, state: 0 })];
}

/** Exit reasons are OTP's, or the module's own. */
export const reasons: readonly ExitReason[] = [
  "normal",
  "shutdown",
  "killed",
  { shutdown: 1 },
  { error: new Error("x"), callback: "handleIn" },
  new Error("x"),
  "boom",
  { error: "unknown" },
  // @ts-expect-error 2322: a number is no reason
  7,
];
