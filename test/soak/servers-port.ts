/** What the real soak and its servers, which are another process, tell each other. */
import type { ClientAccount } from "./server-account.ts";

export type ServerKind = "ws" | "ws, compressed" | "TestServer";
export type Target = { readonly url: string; readonly kind: ServerKind };

export type ServersOptions = {
  readonly seed: number;
  /** A server for each, behind a proxy of its own. */
  readonly kinds: readonly ServerKind[];
  /** On average a message to each client in so many ms. */
  readonly messageEvery: number;
  /** By when an open connection meets its fault, in ms. */
  readonly worst: number;
};

export type ToServers = { readonly type: "be well" | "be quiet" | "account" | "end" };

export type FromServers =
  | { readonly type: "ready"; readonly targets: readonly Target[] }
  | ({ readonly type: "account" } & ServersSaw);

export type ServersSaw = {
  readonly clients: readonly ClientAccount[];
  readonly violations: readonly string[];
  readonly faults: Readonly<Record<string, number>>;
  readonly messagesSent: number;
  /** Messages and calls that have come so far. */
  readonly received: number;
  /** Links that stand. */
  readonly linksLeft: number;
};
