/**
 * The live tree: what each child of a running app is doing, read from the supervisors and connections themselves.
 */
import type { ChildInfo, Connection } from "../../index.ts";
import { describeExitReason } from "../../supervision/exit-reason.ts";
import type { App } from "./app.ts";
import type { RateMeter, Rates } from "./rates.ts";

/** A child as it stands. Times in ms, text as it came: nothing is escaped yet. */
export type Branch = {
  readonly id: string;
  /** A connection's status; else "running", "restarting" or "down". */
  readonly state: string;
  /** Has it children of its own? */
  readonly children: readonly Branch[] | undefined;
  /** Since it was last started. */
  readonly up: number | undefined;
  readonly restarts: number;
  /** The newest error: of a connection the end of an attempt, of anything else the fault that it exited with. */
  readonly lastError: { readonly text: string; readonly ago: number | undefined } | undefined;
  readonly connection: ConnectionFacts | undefined;
};

export type ConnectionFacts = {
  /** Without userinfo and query, which may be secret. */
  readonly address: string;
  readonly attempt: number;
  readonly openFor: number | undefined;
  readonly reconnects: number;
  readonly rates: Rates;
  readonly roundTrip: number | undefined;
  readonly bufferedBytes: number;
  readonly dropped: number;
};

type Look = { readonly meter: RateMeter; readonly now: number };

type Info = Pick<ChildInfo, "id" | "child" | "restarts" | "startedAt" | "lastFault">;

/** The whole tree. `now` as Date.now() has it. */
export function treeOf(app: App, look: Look & { readonly startedAt: number }): Branch {
  const id = typeof app.name === "string" ? app.name : "";
  return branchOf({ id, child: app, restarts: 0, startedAt: look.startedAt, lastFault: undefined }, look);
}

function branchOf({ id, child, restarts, startedAt, lastFault }: Info, look: Look): Branch {
  const running = typeof child === "object" ? (child as App & Partial<Connection>) : undefined;
  const up = running === undefined || startedAt === undefined ? undefined : look.now - startedAt;
  const connection = isConnection(running) ? running : undefined;
  const failure = connection?.stats.lastError;
  return {
    id,
    state: connection?.status ?? (running === undefined ? (child === "restarting" ? child : "down") : "running"),
    children: running?.whichChildren?.().map((info) => branchOf(info, look)),
    up,
    restarts,
    lastError:
      failure !== undefined
        ? { text: failure.error.message, ago: look.now - failure.at }
        : lastFault === undefined
          ? undefined
          : { text: describeExitReason(lastFault), ago: undefined },
    connection: connection === undefined ? undefined : factsOf(connection, up, look),
  };
}

function factsOf(connection: Connection, up: number | undefined, { meter, now }: Look): ConnectionFacts {
  const { openSince, reconnects, lastRoundTrip, dropped } = connection.stats;
  return {
    address: addressOf(connection.uri),
    attempt: connection.attempt,
    openFor: openSince === undefined ? undefined : now - openSince,
    reconnects,
    rates: meter.look(connection, up),
    roundTrip: lastRoundTrip,
    bufferedBytes: connection.bufferedAmount,
    dropped: Object.values(dropped).reduce((sum, count) => sum + count, 0),
  };
}

function addressOf(uri: string): string {
  if (!URL.canParse(uri)) return "";
  const { protocol, host, pathname } = new URL(uri);
  return `${protocol}//${host}${pathname}`;
}

function isConnection(value: Partial<Connection> | undefined): value is Connection {
  return typeof value?.status === "string" && typeof value.stats === "object";
}
