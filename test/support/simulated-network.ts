/**
 * A network that exists only on a clock, as the `openChannel` of a platform: a real connection runs on it, and a server that the test plays decides
 * what becomes of each attempt. Nothing here is random by itself, and nothing takes real time.
 */
import type { Clock, Timer } from "../../src/platform/platform.ts";
import type { ChannelFailure, HeaderPair, OpenChannel, Opening, OpeningPhase } from "../../src/transport/channel.ts";
import { type LinkWatcher, SimulatedLink } from "./simulated-link.ts";

/** What becomes of an attempt. */
export type AttemptFate =
  | { readonly type: "accept"; readonly latency: () => number; readonly systemBuffer: number }
  /** An RST in answer to the SYN. */
  | { readonly type: "refuse" }
  /** Nothing in answer to the SYN. */
  | { readonly type: "unreachable" }
  /** TCP stands, and the request is never answered. */
  | { readonly type: "silent" }
  /** TCP ends in place of the answer. */
  | { readonly type: "cut" }
  | { readonly type: "status"; readonly status: number; readonly headers: readonly HeaderPair[] };

export interface SimulatedServer extends LinkWatcher {
  /** An attempt to this address begins. */
  attempted(url: URL): AttemptFate;
  /** Its 101 is on its way; frames may be sent. */
  accepted(link: SimulatedLink, url: URL): void;
}

export type NetworkOptions = {
  readonly clock: Clock;
  readonly server: SimulatedServer;
  /** From the first packet to its answer while connecting, in ms. */
  readonly roundTrip: number;
};

/** The `openChannel` of a platform. */
export function simulatedNetwork({ clock, server, roundTrip }: NetworkOptions): OpenChannel {
  return ({ url }, listener) => {
    let phase: OpeningPhase = "tcp";
    let timer: Timer | undefined;
    let link: SimulatedLink | undefined;
    let over = false;
    const after = (ms: number, then: () => void): void => {
      timer = clock.after(ms, then, true);
    };
    const fail = (failure: Omit<ChannelFailure, "phase">): void => {
      over = true;
      listener.failed({ ...failure, phase });
    };
    const answer = (fate: Exclude<AttemptFate, { type: "refuse" | "unreachable" }>): void => {
      switch (fate.type) {
        case "silent":
          return;
        case "cut":
          fail({ kind: "establishing_failed", reason: "ended", message: "TCP ended before the answer." });
          return;
        case "status": {
          const { status, headers } = fate;
          const message = `The server answered ${status}.`;
          fail({ kind: "establishing_failed", reason: "status", message, status, headers });
          return;
        }
        case "accept":
          over = true;
          listener.opened(link as SimulatedLink, 101, []);
          return;
      }
    };
    const connected = (fate: Exclude<AttemptFate, { type: "refuse" | "unreachable" }>): void => {
      phase = "upgrade";
      listener.connected();
      if (over) return;
      after(roundTrip / 2, () => {
        after(roundTrip / 2, () => answer(fate));
        if (fate.type !== "accept") return;
        const { latency, systemBuffer } = fate;
        link = new SimulatedLink({ clock, latency, systemBuffer, watcher: server, listener });
        link.opensAt(clock.now() + roundTrip / 2);
        server.accepted(link, url);
      });
    };
    const fate = server.attempted(url);
    if (fate.type === "refuse") {
      after(roundTrip, () => fail({ kind: "connecting_failed", reason: "refused", message: "The port is closed." }));
    } else if (fate.type !== "unreachable") {
      after(roundTrip, () => connected(fate));
    }
    const opening: Opening = {
      get phase() {
        return phase;
      },
      abort() {
        if (over) return;
        over = true;
        if (timer !== undefined) clock.cancel(timer);
        // The server has accepted already, and sees TCP end.
        link?.destroy();
      },
    };
    return opening;
  };
}
