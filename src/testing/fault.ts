/**
 * The faults of a network and of a bad server, as data: what a FaultProxy does to connections, and what a script made by `playing()` does.
 * They are plain JSON values; fault-plan.ts checks them.
 */

/** A number, or a range from which one is drawn with the plan's seed, both ends included; whole if both ends are. */
export type Amount = number | { readonly from: number; readonly to: number };

/** Towards the client, or towards the server. */
export type FaultDirection = "toClient" | "toServer";

/** A frame as `rawFrame()` takes it, but for bytes that JSON can't hold. */
export type InjectedFrame = {
  /** A name, or 0 to 15. */
  readonly opcode: "continuation" | "text" | "binary" | "close" | "ping" | "pong" | number;
  readonly fin?: boolean;
  readonly rsv?: number;
  /** Default: as the direction asks for, so frames to the server are masked. */
  readonly masked?: boolean;
  /** As UTF-8. Default empty. */
  readonly payload?: string;
  /** So many bytes "x" instead of a payload; up to 256 MiB. */
  readonly size?: Amount;
  /** The length that the header claims; default the payload's own. */
  readonly length?: number;
  readonly lengthEncoding?: "minimal" | "16-bit" | "64-bit";
};

/** What may go wrong. Times are in ms. `direction` says whose way it hits; where it may be "both", that is the default, else "toClient" is. */
export type Fault =
  // ── The link. These last until the end of the connection, or until heal(). Of bandwidth, drip and split the latest counts.
  /** Everything takes so long, plus a draw from 0 to `jitter` for each chunk; order is kept. */
  | {
      readonly type: "latency";
      readonly ms: Amount;
      readonly jitter?: Amount;
      readonly direction?: FaultDirection | "both";
    }
  | { readonly type: "bandwidth"; readonly bytesPerSecond: Amount; readonly direction?: FaultDirection | "both" }
  /** So many bytes (default 1) each `every` ms. */
  | {
      readonly type: "drip";
      readonly bytes?: Amount;
      readonly every: Amount;
      readonly direction?: FaultDirection | "both";
    }
  /** So many bytes (default 1) a write, one write in each turn of the event loop. */
  | { readonly type: "split"; readonly bytes?: Amount; readonly direction?: FaultDirection | "both" }
  /** What comes is held back until there are so many messages, at most so long (default 50 ms), and then goes out in one write. */
  | {
      readonly type: "glue";
      readonly messages?: Amount;
      readonly ms?: Amount;
      readonly direction?: FaultDirection | "both";
    }
  /** Nothing is read any more, so that TCP pushes back; after `ms` (default never) it goes on, and nothing is lost. */
  | { readonly type: "stall"; readonly ms?: Amount; readonly direction?: FaultDirection | "both" }
  /** A dead link: everything is read and lost, the end of the connection too, and TCP stays up. For good. */
  | { readonly type: "blackHole"; readonly direction?: FaultDirection | "both" }
  // ── Ends.
  /** RST. With one direction the other side isn't told. */
  | { readonly type: "reset"; readonly direction?: FaultDirection | "both" }
  /**
   * FIN, and no close frame. With one direction it is a stale half-close: the other side isn't told, what that sends is lost, what the first sends
   * still arrives, and the first one's FIN doesn't.
   */
  | { readonly type: "end"; readonly direction?: FaultDirection | "both" }
  /** A close frame between two frames, empty without a code. Then all is silence, without FIN; or FIN both ways if `fin` says so. */
  | {
      readonly type: "close";
      readonly code?: number;
      readonly reason?: string;
      readonly fin?: boolean;
      readonly direction?: FaultDirection;
    }
  // ── Bytes.
  /** A frame between two frames (of data: between two messages), so many times (default 1): in one go, or one each `every` ms. */
  | {
      readonly type: "inject";
      readonly frame: InjectedFrame;
      readonly times?: Amount;
      readonly every?: Amount;
      readonly direction?: FaultDirection;
    }
  /** So many drawn bytes (default 16), at once. At the ClientHello they take the place of the answer. */
  | { readonly type: "garbage"; readonly bytes?: Amount; readonly direction?: FaultDirection }
  /** The next so many bytes (default 1) arrive with each bit the wrong way round. */
  | { readonly type: "corrupt"; readonly bytes?: Amount; readonly direction?: FaultDirection }
  // ── In place of the server.
  /** Another answer than the server's, which isn't asked; at the phase "request". */
  | {
      readonly type: "refuse";
      readonly status: number;
      /** The header retry-after: seconds, or a date as it is. */
      readonly retryAfter?: number | string;
      readonly headers?: readonly (readonly [name: string, value: string])[];
      readonly body?: string;
      /** `true`: TCP stays up. */
      readonly keepOpen?: boolean;
    }
  /** A fatal alert of TLS in place of the ServerHello; at the phase "clientHello". Default 40, handshake_failure. */
  | { readonly type: "tlsAlert"; readonly description?: number }
  /** No connection is taken any more, for so long (default for good). Those that stand are left alone. */
  | { readonly type: "down"; readonly ms?: Amount }
  // ── Chance.
  /** One of these, drawn; without `of` one that fits the phase. */
  | { readonly type: "random"; readonly of?: readonly Fault[] };

export type FaultType = Fault["type"];

/**
 * How far a connection has come. "connect": TCP stands, nothing has been read, the server isn't dialled yet. "clientHello": the client's first bytes
 * of TLS are there. "request": the whole head of the request is there, and the server hasn't seen it. "answer": the first byte of the server's answer
 * is there, and the client hasn't seen it. "open": the whole 101 has gone to the client. "closing": somebody's first close frame is there, and the other
 * hasn't seen it.
 */
export type FaultPhase = "connect" | "clientHello" | "request" | "answer" | "open" | "closing";

/**
 * When a fault happens: in which phase, and how far into it. First so many messages (whole ones, in the phase "open"), then so many bytes pass in
 * `direction` (default "toClient"), then so many ms go by. With none of them: as the phase begins.
 */
export type FaultTrigger = {
  readonly phase: FaultPhase;
  readonly messages?: Amount;
  readonly bytes?: Amount;
  readonly ms?: Amount;
  readonly direction?: FaultDirection;
};

/**
 * Which connections, counted from 1 since the plan was set: one, some, or a range from `from` to `to`, of which every `every`th, counted from the first of them,
 * and of these a share from 0 to 1, drawn for each.
 */
export type FaultedConnections =
  | number
  | readonly number[]
  | { readonly from?: number; readonly to?: number; readonly every?: number; readonly share?: number };

export type FaultRule = {
  /** Default: all. */
  readonly connection?: FaultedConnections;
  readonly when: FaultTrigger;
  readonly fault: Fault;
};

/** What happens to which connections, and the seed of everything that is drawn. */
export type FaultPlan = {
  /** A whole number. Default 1. */
  readonly seed?: number;
  readonly connections: readonly FaultRule[];
};

/** The same with its ranges drawn. */
export type Drawn<T> = T extends unknown
  ? { readonly [Key in keyof T]: Key extends "frame" ? Drawn<T[Key]> : Exclude<T[Key], { from: number; to: number }> }
  : never;

/** A fault as it is done: its ranges drawn, and chosen if it was left to chance. */
export type DrawnFault = Drawn<Exclude<Fault, { readonly type: "random" }>>;
