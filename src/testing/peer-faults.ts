/**
 * The faults that a server's end of a connection can play by itself, in the words of a FaultProxy. What is the link's own (latency, bandwidth, drip,
 * split, glue, corrupt), or comes before there is a server (tlsAlert, down), takes a proxy.
 */
import { PeerError } from "./errors.ts";
import type { DrawnFault, FaultType } from "./fault.ts";
import { closeFrame, GARBAGE_BYTES, garbage, injectedChunks } from "./injected-frames.ts";
import type { Refusal } from "./response.ts";

/** What a fault needs of a peer. */
export type FaultHands = {
  readonly reset: () => void;
  readonly end: () => void;
  readonly blackHole: () => void;
  /** Reads and does nothing by itself any more. */
  readonly ignore: () => void;
  readonly pause: () => void;
  readonly resume: () => void;
  /** What is sent waits so long, or for good. */
  readonly holdBack: (ms: number) => void;
  readonly sendRaw: (bytes: Uint8Array) => void;
  readonly refuse: (status: number, refusal: Refusal) => void;
  readonly delay: (ms: number) => Promise<boolean>;
};

const ON_A_PEER = ["reset", "end", "blackHole", "stall", "close", "inject", "garbage", "refuse", "random"] as const;

/** Can a server's end play this fault? */
export function isOnPeer(type: FaultType): boolean {
  return (ON_A_PEER as readonly FaultType[]).includes(type);
}

export function onlyProxy(type: FaultType): string {
  return `The fault "${type}" isn't a server's to play, but the link's: put a FaultProxy before the server. A server plays ${ON_A_PEER.join(", ")}.`;
}

/** Plays a fault. A direction other than the default is none for a server, but of stall and blackHole. @throws PeerError */
export function performOnPeer(fault: DrawnFault, random: () => number, hands: FaultHands): void {
  switch (fault.type) {
    case "reset":
      hands.reset();
      break;
    case "end":
      hands.end();
      break;
    case "blackHole":
      hands.blackHole();
      break;
    case "stall":
      stall(fault, hands);
      break;
    case "close":
      hands.sendRaw(closeFrame(fault.code, fault.reason, "toClient"));
      if (fault.fin) hands.end();
      else hands.ignore();
      break;
    case "inject":
      void inject(fault, hands);
      break;
    case "garbage":
      hands.sendRaw(garbage(fault.bytes ?? GARBAGE_BYTES, random));
      break;
    case "refuse":
      hands.refuse(fault.status, refusalOf(fault));
      break;
    default:
      throw new PeerError("misused", onlyProxy(fault.type));
  }
}

/** What a refusal says besides its status. */
export function refusalOf(fault: Extract<DrawnFault, { readonly type: "refuse" }>): Refusal {
  const { retryAfter, headers = [], body, keepOpen } = fault;
  return {
    headers: [...headers, ...(retryAfter === undefined ? [] : [["retry-after", String(retryAfter)] as const])],
    ...(body !== undefined && { body }),
    ...(keepOpen !== undefined && { keepOpen }),
  };
}

function stall(fault: Extract<DrawnFault, { readonly type: "stall" }>, hands: FaultHands): void {
  const { ms = Number.POSITIVE_INFINITY, direction = "both" } = fault;
  if (direction !== "toServer") hands.holdBack(ms);
  if (direction === "toClient") return;
  hands.pause();
  if (ms !== Number.POSITIVE_INFINITY) void hands.delay(ms).then(() => hands.resume());
}

async function inject(fault: Extract<DrawnFault, { readonly type: "inject" }>, hands: FaultHands): Promise<void> {
  for (const chunk of injectedChunks(fault, "toClient")) {
    hands.sendRaw(chunk);
    if (fault.every !== undefined && !(await hands.delay(fault.every))) return;
  }
}
