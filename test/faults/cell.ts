/**
 * A cell of the fault matrix as data: how the stage is set, what is done to it, and in words what the connection does then.
 *
 * ## Outcomes
 *
 * `"handleError streaming_failed/open/reset → waits 125 → handleConnect 101 → echo"`: steps between arrows, checked in their order.
 *
 *     handleConnect 101, handleDisconnect 1012 restart, handleError KIND/PHASE/REASON …    the callback, with its arguments; "-" is undefined
 *     waits 125          the backoff's wait, which then passes on the fake clock (unless the wait is cut short: see the next step)
 *     at once            the next attempt begins without a wait
 *     after 10000        nothing happens for 9999 ms on the fake clock, and the next step when all have passed
 *     stays open         nothing has happened, and this is the status
 *     handleControl ×9   so many pings and pongs
 *     loads ×9           so many of the numbered messages of a busy sender have come back
 *     echo               a message that is sent now comes back: the connection works
 *     replace() resolves, replace() rejects WHY                                            what the promise says
 *     …                  "…" stands for words that are not ours, such as OpenSSL's
 *     stop()             is called
 *     exit normal        `exited` resolves with this; without it the player stops the connection at the end
 *
 * ## Time
 *
 * The connection runs on a FakeClock with its default timeouts and with draws of 0.5: the first ping is at 15 s, a wait is half its ceiling.
 */
import type { ConnectionStats, Options, Provider } from "../../src/index.ts";
import type { Fault, FaultRule, Script } from "../../src/testing/index.ts";
import type { FaultName } from "./faults.ts";
import type { Stage } from "./stage.ts";

/** How a stage is set: what stands before the connection, and how it is started. */
export type Setting = {
  /** Of the server; one script for each connection, and the last for all others. Default: echo. */
  readonly script?: Script | readonly Script[];
  /** Whose server stands behind the proxy: the scripted one, or the `ws` package's, which echoes. */
  readonly server?: "ws";
  /** Of the proxy. */
  readonly rules?: readonly FaultRule[];
  /** "ended": the proxy is the server's end of TLS. "passed": TLS goes through it to a server with TLS. */
  readonly tls?: "ended" | "passed";
  /** Where to connect to. Default: the proxy. */
  readonly uri?: (stage: Stage) => string | Provider<string>;
  /** A function where they have something to remember: each playing begins anew. */
  readonly options?: Options<null> | (() => Options<null>);
};

/** What the numbers must be at the end, where the outcome's steps don't say it. */
export type Figures = {
  readonly replacements?: number;
  /** Attempts that ended without a word of their own, since a replacement's promise or nothing tells of it. */
  readonly unheard?: number;
  /** Frames dropped by cause: a number, or "some" where the system's buffers decide. */
  readonly dropped?: Partial<Readonly<Record<keyof ConnectionStats["dropped"], number | "some">>>;
};

export type Cell = Setting &
  Figures & {
    /** What makes it another cell than its neighbour of the same fault and phase. */
    readonly variant?: string;
    /** Done by the proxy to the connection that the phase is about, as soon as the phase is reached. */
    readonly fault?: Fault;
    /** Another way to the phase. */
    readonly reach?: (stage: Stage) => Promise<void>;
    /** Whatever else is done then, after `fault`. */
    readonly act?: (stage: Stage) => void | Promise<void>;
    readonly outcome: string;
  };

/** Why a fault can't happen in a phase, in a few words. */
export type Impossible = string;

export type Phase = {
  readonly name: string;
  /** What the connection is doing, for the page. */
  readonly about: string;
  readonly setting?: Setting;
  /** Brings the stage there. */
  readonly reach: (stage: Stage) => Promise<void>;
  /** What has happened by then. */
  readonly before: string;
  readonly figures?: Figures;
  /** Connections of the proxy so far; the newest is what `fault` is done to. Default 1. */
  readonly connection?: number;
  readonly cells: Readonly<Record<FaultName, Cell | readonly Cell[] | Impossible>>;
};

/** The same reason for several faults. */
export function impossible<const Names extends readonly FaultName[]>(
  names: Names,
  why: Impossible,
): Readonly<Record<Names[number], Impossible>> {
  return Object.fromEntries(names.map((name) => [name, why])) as Record<Names[number], Impossible>;
}

/** What most faults end in, once the first attempt has been ended by `how`. */
export const recovers = (how: string): string => `${how} → waits 125 → handleConnect 101 → echo`;
