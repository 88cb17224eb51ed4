/**
 * everfresh in a simulated fleet: the connection as it is shipped, on a platform whose channels lead to the simulated server.
 */
import { ConnectionProcess } from "../../src/connection/connection.ts";
import { resolveOptions } from "../../src/connection/options.ts";
import { Fresh, type Options } from "../../src/index.ts";
import type { Platform } from "../../src/platform/platform.ts";
import type { Channel, ChannelListener, OpeningPhase } from "../../src/transport/channel.ts";
import type { Start } from "./client.ts";
import type { Attempt } from "./simulated-server.ts";

const Idle = Fresh.define<null>("Idle", {});

export function everfresh(options: Options<null> = {}): Start {
  const resolved = resolveOptions({ errorLogging: false, infoLogging: false, ...options });
  return ({ id, clock, server, random, roundTrip }) => {
    const openChannel: Platform["openChannel"] = (_request, listener) => {
      const opening: { phase: OpeningPhase; attempt: Attempt } = {
        phase: "tcp",
        attempt: server.connect(id, roundTrip, {
          connected: () => {
            opening.phase = "upgrade";
            listener.connected();
          },
          opened: () => listener.opened(channelOf(opening.attempt, listener, clock, roundTrip), 101, []),
          refused: () => {
            const message = "connection refused.";
            listener.failed({ kind: "connecting_failed", phase: "tcp", reason: "refused", message });
          },
          answered: (status, retryAfter) => {
            const headers: [string, string][] = retryAfter === undefined ? [] : [["retry-after", String(retryAfter)]];
            const failure = { kind: "establishing_failed", phase: "upgrade", reason: "status" } as const;
            listener.failed({ ...failure, message: `the server answered ${status}.`, status, headers });
          },
          closed: (code) => listener.ended({ type: "closed", code, reason: "" }),
          lost: () => listener.ended({ type: "lost", reason: "reset", message: "the link was reset." }),
        }),
      };
      return {
        get phase() {
          return opening.phase;
        },
        abort: () => opening.attempt.leave(),
      };
    };
    const platform: Platform = {
      openChannel,
      clock,
      random,
      identifier: () => String(id),
      logError: () => undefined,
      logInfo: () => undefined,
    };
    const uri = "ws://fleet.test/";
    const onExit = () => undefined;
    const source = { uri, target: new URL(uri), module: Idle, state: null, options: resolved, platform, onExit };
    new ConnectionProcess<null>(source).start();
  };
}

/** An open channel: it answers pings, and has nothing else to say. */
function channelOf(attempt: Attempt, listener: ChannelListener, clock: Platform["clock"], roundTrip: number): Channel {
  let bytesReceived = 0;
  let bytesSent = 0;
  let left = false;
  return {
    protocol: "",
    extensions: "",
    bufferedAmount: 0,
    writeProgress: 0,
    get bytesReceived() {
      return bytesReceived;
    },
    get bytesSent() {
      return bytesSent;
    },
    send: (frame) => {
      bytesSent += 2;
      if (typeof frame !== "object" || !("type" in frame) || frame.type !== "ping") return undefined;
      const { data } = frame;
      const pong = () => {
        if (left) return;
        bytesReceived += 2;
        listener.frame({ type: "pong", data });
      };
      clock.after(roundTrip, pong, true);
      return undefined;
    },
    close: () => undefined,
    flushed: (callback) => callback(),
    watchBuffer: () => undefined,
    afterReading: (callback) => callback(),
    pause: () => undefined,
    resume: () => undefined,
    hibernate: () => undefined,
    destroy: () => {
      left = true;
      attempt.leave();
      return 0;
    },
  };
}
