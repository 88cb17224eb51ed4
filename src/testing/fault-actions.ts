/**
 * How each fault is done to a proxied connection: which part of its link does what.
 */
import type { DrawnFault, FaultDirection, FaultPhase } from "./fault.ts";
import { closeFrame, GARBAGE_BYTES, garbage, injectedChunks, isControl, tlsAlert } from "./injected-frames.ts";
import type { Pace } from "./lane.ts";
import { refusalOf } from "./peer-faults.ts";
import { DIRECTIONS, type ProxyLink } from "./proxy-link.ts";
import { refusalResponse } from "./response.ts";

const HANDSHAKE_FAILURE = 40;
const GLUE_TIME = 50;
/** ms between the pieces that a bandwidth lets through, or more where a piece would hold no byte. */
const BANDWIDTH_STEP = 10;
/** Faults of bytes, which go one way; the others go both. */
const ONE_WAY: ReadonlySet<DrawnFault["type"]> = new Set(["close", "inject", "garbage", "corrupt"]);

/** Where a fault is done: the link, how far it has come, and how the proxy stops listening for so many ms. */
export type FaultPlace = {
  readonly link: ProxyLink;
  readonly phase: FaultPhase;
  readonly down: (ms: number) => void;
};

export function perform(fault: DrawnFault, random: () => number, { link, phase, down }: FaultPlace): void {
  const hit = directionsOf(fault);
  switch (fault.type) {
    case "reset":
    case "end":
      link.finish(fault.type, hit);
      break;
    case "blackHole":
      for (const direction of hit) link.swallow(direction);
      break;
    case "refuse":
      link.answerInPlace(refusalResponse(fault.status, refusalOf(fault)), { raw: false, end: fault.keepOpen !== true });
      break;
    case "tlsAlert":
      link.answerInPlace(tlsAlert(fault.description ?? HANDSHAKE_FAILURE), { raw: true, end: false });
      break;
    case "down":
      down(fault.ms ?? Number.POSITIVE_INFINITY);
      break;
    case "garbage": {
      const bytes = garbage(fault.bytes ?? GARBAGE_BYTES, random);
      if (phase === "clientHello") link.answerInPlace(bytes, { raw: true, end: false });
      else for (const direction of hit) link.lanes[direction].interject(bytes);
      break;
    }
    case "close":
      for (const direction of hit) close(fault, direction, link);
      break;
    default:
      for (const direction of hit) shape(fault, direction, random, link);
  }
}

type ShapingFault = Exclude<
  DrawnFault,
  { readonly type: "reset" | "end" | "blackHole" | "refuse" | "tlsAlert" | "down" | "garbage" | "close" }
>;

function shape(fault: ShapingFault, direction: FaultDirection, random: () => number, link: ProxyLink): void {
  const lane = link.lanes[direction];
  switch (fault.type) {
    case "latency":
      lane.latency = () => fault.ms + random() * (fault.jitter ?? 0);
      break;
    case "bandwidth":
      lane.pace = paceOf(fault.bytesPerSecond);
      break;
    case "drip":
      lane.pace = { bytes: fault.bytes ?? 1, every: fault.every };
      break;
    case "split":
      lane.pace = { bytes: fault.bytes ?? 1, every: 0 };
      break;
    case "glue":
      lane.glue = { messages: fault.messages ?? Number.POSITIVE_INFINITY, ms: fault.ms ?? GLUE_TIME };
      break;
    case "stall":
      lane.isStalled = true;
      if (fault.ms !== undefined) {
        link.later(fault.ms, () => {
          lane.isStalled = false;
        });
      }
      break;
    case "corrupt":
      lane.corrupt(fault.bytes ?? 1);
      break;
    case "inject":
      lane.inject({
        between: isControl(fault.frame.opcode) ? "frames" : "messages",
        chunks: injectedChunks(fault, direction),
        every: fault.every ?? 0,
      });
      break;
  }
}

function close(
  { code, reason, fin }: Extract<DrawnFault, { readonly type: "close" }>,
  direction: FaultDirection,
  link: ProxyLink,
): void {
  link.lanes[direction].inject({
    between: "frames",
    chunks: [closeFrame(code, reason, direction)].values(),
    every: 0,
    done: () => {
      if (fin) link.finish("end", DIRECTIONS);
      else for (const one of DIRECTIONS) link.swallow(one);
    },
  });
}

function paceOf(bytesPerSecond: number): Pace {
  const bytes = Math.max(1, Math.round((bytesPerSecond * BANDWIDTH_STEP) / 1000));
  return { bytes, every: (bytes * 1000) / bytesPerSecond };
}

function directionsOf(fault: DrawnFault): readonly FaultDirection[] {
  const direction = "direction" in fault ? fault.direction : undefined;
  if (direction === undefined) return ONE_WAY.has(fault.type) ? ["toClient"] : DIRECTIONS;
  return direction === "both" ? DIRECTIONS : [direction];
}
