/**
 * The caller and the peer of a scenario as coroutines: they say what they wait for, and whoever runs them (with real
 * time and sockets, or with the model's clock) resumes them. So the same interpretation drives both.
 */
import type { PeerStep, Scenario } from "./scenario.ts";
import { encodeFrame, httpAnswer, type LengthForm, type Request, upgradeAnswer } from "./wire.ts";

/** What a coroutine waits for: time to pass, or a condition, for at most so long. */
export type Wait = { readonly ms: number } | { readonly until: () => boolean; readonly limit: number };
export type Script<Result = void> = Generator<Wait, Result, void>;

/** One TCP connection as the peer's script sees it. */
export interface PeerLink {
  /** The client's request, once its head has come; undefined before. */
  request(): Request | undefined;
  /** How many frames of this kind this connection's client has sent. */
  framesSeen(op: string): number;
  /** The client has ended its side, or the connection is gone. */
  ended(): boolean;
  write(bytes: Buffer): void;
  /** Ends our side, and with "all" reads nothing more either. */
  fin(how: "all" | "half"): void;
  reset(): void;
}

/** No condition of a script is waited for longer than this, in ms: the recorded ones were met within a fraction of it. */
export const CONDITION_LIMIT = 1000;

/** Runs the steps of one connection. */
export function* peerScript(
  steps: readonly PeerStep[],
  link: PeerLink,
  callbacksSeen: (name: string) => number,
  form: LengthForm,
): Script {
  for (const step of steps) {
    // A client that has ended hears nothing more, but its connection may still be closed.
    if (link.ended() && step.step !== "sleep" && step.step !== "close_tcp") return;
    switch (step.step) {
      case "read_request":
        yield { until: () => link.request() !== undefined || link.ended(), limit: CONDITION_LIMIT * 10 };
        break;
      case "send_101": {
        const request = link.request();
        if (request === undefined) return;
        const answer = upgradeAnswer(step, request);
        const glued = (step.gluedFrames ?? []).map((frame) => encodeFrame(frame));
        if (step.splitHeaderBlockPauseMs === undefined) {
          link.write(Buffer.concat([answer, ...glued]));
          break;
        }
        const cut = Math.floor(answer.length / 2);
        link.write(answer.subarray(0, cut));
        yield { ms: step.splitHeaderBlockPauseMs };
        link.write(Buffer.concat([answer.subarray(cut), ...glued]));
        break;
      }
      case "send_http":
        link.write(httpAnswer(step));
        break;
      case "send_raw":
        link.write(step.hex === undefined ? Buffer.from(step.text ?? "") : Buffer.from(step.hex, "hex"));
        break;
      case "send_frame":
        link.write(encodeFrame(step.frame, form));
        break;
      case "send_frames_in_one_write":
        link.write(Buffer.concat(step.frames.map((frame) => encodeFrame(frame, form))));
        break;
      case "send_partial_frame":
        link.write(encodeFrame(step.frame, form).subarray(0, step.bytes));
        break;
      case "send_frame_in_pieces": {
        const bytes = encodeFrame(step.frame, form);
        for (let at = 0; at < bytes.length; at += step.pieceBytes) {
          if (at > 0) yield { ms: step.pauseMs };
          link.write(bytes.subarray(at, at + step.pieceBytes));
        }
        break;
      }
      case "close_tcp":
        link.fin("all");
        break;
      case "half_close":
        link.fin("half");
        break;
      case "rst":
        link.reset();
        return;
      case "sleep":
        yield { ms: step.ms };
        break;
      case "await_client_frame":
        yield { until: () => link.framesSeen(step.op) >= step.nth || link.ended(), limit: CONDITION_LIMIT * 10 };
        break;
      case "await_callback":
        yield { until: () => callbacksSeen(step.name) >= step.nth, limit: CONDITION_LIMIT * 10 };
        break;
      default:
        throw new RangeError(`No interpretation for the peer's step ${JSON.stringify(step)}.`);
    }
  }
}

/** The steps of the how-manyth connection, from 0; the last list serves all that follow. */
export function stepsOf(scenario: Scenario, connection: number): readonly PeerStep[] | undefined {
  if (typeof scenario.peer === "string") {
    if (scenario.peer !== "no listener on the port")
      throw new RangeError(`No interpretation for the peer "${scenario.peer}".`);
    return undefined;
  }
  return scenario.peer[Math.min(connection, scenario.peer.length - 1)];
}

/** What the 101 in these steps says in a header that isn't one of the usual ones. */
export function headersOf101(steps: readonly PeerStep[], name: string): readonly string[] {
  return steps
    .flatMap((step) => (step.step === "send_101" ? (step.extraHeaders ?? []) : []))
    .flatMap(([header, value]) => (header === name ? [value] : []));
}

/** The data holds a frame's payload but not the form its length was written in; the title tells where that is the point. */
export function lengthFormOf(scenario: Scenario): LengthForm {
  const form = /\bwith (16|64)-bit length/.exec(scenario.title)?.[1];
  return form === undefined ? "minimal" : form === "16" ? 16 : 64;
}

/** Does the peer speak TLS? Those that don't start with reading a request show what a plain peer does to a wss client. */
export const speaksTls = (scenario: Scenario): boolean =>
  scenario.client.uri.startsWith("wss:") && stepsOf(scenario, 0)?.[0]?.step === "read_request";
