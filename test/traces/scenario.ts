/**
 * The recorded scenarios as types: what the caller did, what the peer did, what was observed. See README.md.
 */
import { readFileSync } from "node:fs";

/** One rule for a callback: the first that fits a call speaks for it. */
export type Rule = {
  readonly nth?: number;
  /** A term that the first argument must be. */
  readonly match?: string;
  readonly return?: string;
  readonly raises?: string;
  readonly throws?: string;
  readonly exits?: string;
  readonly blocksForMs?: number;
  readonly sideEffect?: string;
};

/** A frame on the wire, as the data writes it. */
export type WireFrame = {
  readonly type?: "frame";
  /** text, binary, ping, pong, close, continuation, or opcode_N. */
  readonly op: string;
  readonly fin?: boolean;
  readonly masked?: boolean;
  /** The three reserved bits as a number, 4 is RSV1. */
  readonly rsv?: number;
  readonly len?: number;
  readonly text?: string;
  readonly hex?: string;
  readonly sha256_16?: string;
  readonly utf8?: boolean;
  readonly code?: number;
  readonly reason?: string | { readonly len: number; readonly hex: string };
};

type Pair = readonly [name: string, value: string];

export type PeerStep =
  | { readonly step: "read_request" }
  | {
      readonly step: "send_101";
      readonly extraHeaders?: readonly Pair[];
      readonly omitHeaders?: readonly string[];
      readonly replaceHeaders?: Readonly<Record<string, string>>;
      readonly wrongAccept?: string;
      readonly version?: string;
      readonly gluedFrames?: readonly WireFrame[];
      readonly splitHeaderBlockPauseMs?: number;
    }
  | { readonly step: "send_http"; readonly status: number; readonly headers: readonly Pair[]; readonly body: string }
  | { readonly step: "send_raw"; readonly len: number; readonly text?: string; readonly hex?: string }
  | { readonly step: "send_frame"; readonly frame: WireFrame }
  | { readonly step: "send_frames_in_one_write"; readonly frames: readonly WireFrame[] }
  | { readonly step: "send_partial_frame"; readonly frame: WireFrame; readonly bytes: number }
  | {
      readonly step: "send_frame_in_pieces";
      readonly frame: WireFrame;
      readonly pieceBytes: number;
      readonly pauseMs: number;
    }
  | { readonly step: "close_tcp" }
  | { readonly step: "half_close" }
  | { readonly step: "rst" }
  | { readonly step: "sleep"; readonly ms: number }
  | { readonly step: "await_client_frame"; readonly op: string; readonly nth: number }
  | { readonly step: "await_callback"; readonly name: string; readonly nth: number };

/** A step of the caller: a condition to wait for, or a call. */
export type OutsideStep = {
  readonly when?: string;
  readonly call?: string;
  readonly frame?: string;
  readonly code?: string;
  readonly reason?: string;
  readonly message?: string;
};

export type ObservedCallback = {
  readonly seq: number;
  readonly name: string;
  readonly args: readonly string[];
  readonly stateBefore: string;
  readonly returned: string;
};

export type ObservedWire = {
  readonly seq: number;
  readonly conn: number;
  readonly dir: "client->peer" | "peer->client";
  readonly what: WireFrame | { readonly type: string; readonly line?: string; readonly headers?: readonly Pair[] };
};

export type Scenario = {
  readonly id: string;
  readonly title: string;
  readonly purpose: string;
  readonly notes: string;
  readonly client: {
    readonly uri: string;
    readonly initialState: string;
    readonly options: string;
    readonly callbacks: Readonly<Record<string, readonly Rule[]>>;
    readonly outside: readonly OutsideStep[];
    readonly observeMsAfterLastStep: number;
  };
  readonly peer: readonly (readonly PeerStep[])[] | string;
  readonly observed: {
    readonly callbacks: readonly ObservedCallback[];
    readonly wire: readonly ObservedWire[];
    readonly outsideCalls: readonly { readonly call: string; readonly result: unknown }[];
    readonly logs: readonly { readonly level: string; readonly msg: string }[];
    readonly exit: { readonly class: string; readonly reason: string };
    readonly linkExitSignals: readonly string[];
    /** Present when the lists were cut at 40 entries. */
    readonly truncated?: Readonly<Record<string, unknown>>;
  };
};

/** What was handed down of Fresh, and what was recorded in addition about permessage-deflate. */
const RECORDED = ["./fresh-traces.json", "./deflate-traces.json"];

/**
 * The scenarios: the recorded ones beside this file, or those of the file that EVERFRESH_TRACES names,
 * so that others of the same sort can be replayed without a change.
 */
export function readScenarios(): readonly Scenario[] {
  const other = process.env.EVERFRESH_TRACES;
  const files = other === undefined ? RECORDED.map((file) => new URL(file, import.meta.url)) : [other];
  return files.flatMap((file) => JSON.parse(readFileSync(file, "utf8")) as readonly Scenario[]);
}
