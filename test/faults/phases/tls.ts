/** The ClientHello is out, and the TLS handshake isn't done. */
import type { Fault, FaultRule } from "../../../src/testing/index.ts";
import { type Cell, impossible, type Phase, recovers } from "../cell.ts";
import { OF_ANSWER, OF_FRAMES, OF_LOOKUP, OF_PROVIDER } from "../faults.ts";

/** Done to the first connection when its ClientHello is there. */
const atHello = (fault: Fault): readonly FaultRule[] => [{ connection: 1, when: { phase: "clientHello" }, fault }];

const failed = (reason: string): string => recovers(`handleError connecting_failed/tls/${reason}`);
const timesOut = (fault: Fault): Cell => ({
  tls: "passed",
  rules: atHello(fault),
  outcome: `after 10000 → ${failed("timed_out")}`,
});
/** TLS is passed on to the server, as slowly as the fault has it, and comes about. */
const lives = (fault: Fault): Cell => ({ tls: "passed", rules: atHello(fault), outcome: "handleConnect 101 → echo" });

export const TLS: Phase = {
  name: "TLS",
  about: "the ClientHello is out, and nothing has come back",
  setting: { tls: "ended", rules: atHello({ type: "blackHole" }) },
  reach: async (stage) => {
    stage.start();
    await (await stage.proxied(1)).reached("clientHello");
  },
  before: "",
  cells: {
    ...impossible(["refused"], "TCP stands"),
    reset: { rules: atHello({ type: "reset" }), outcome: failed("reset") },
    fin: { rules: atHello({ type: "end" }), outcome: failed("ended") },
    deafClient: timesOut({ type: "blackHole", direction: "toClient" }),
    deafServer: timesOut({ type: "blackHole", direction: "toServer" }),
    blackHole: timesOut({ type: "blackHole" }),
    drip: lives({ type: "drip", bytes: 64, every: 1 }),
    latency: lives({ type: "latency", ms: 5, jitter: 5 }),
    bandwidth: lives({ type: "bandwidth", bytesPerSecond: 50_000 }),
    split: lives({ type: "split", bytes: 1 }),
    garbage: { rules: atHello({ type: "garbage" }), outcome: failed("wrong_version_number") },
    hang: timesOut({ type: "stall" }),
    ...impossible([...OF_ANSWER, ...OF_FRAMES], "no HTTP before TLS stands"),
    tlsStall: {
      variant: "in the middle of the ServerHello",
      tls: "passed",
      rules: [{ connection: 1, when: { phase: "clientHello", bytes: 20 }, fault: { type: "stall" } }],
      outcome: `after 10000 → ${failed("timed_out")}`,
    },
    tlsBroken: [
      {
        variant: "refused by an alert",
        rules: atHello({ type: "tlsAlert" }),
        outcome: failed("…"),
      },
      {
        variant: "corrupted",
        tls: "passed",
        rules: atHello({ type: "corrupt", bytes: 1 }),
        outcome: failed("…"),
      },
      {
        variant: "RST in the middle of the ServerHello",
        tls: "passed",
        rules: [{ connection: 1, when: { phase: "clientHello", bytes: 20 }, fault: { type: "reset" } }],
        outcome: failed("reset"),
      },
    ],
    untrusted: [
      {
        rules: [],
        options: { transportOptions: { ca: [] } },
        outcome:
          "handleError connecting_failed/tls/depth_zero_self_signed_cert → waits 125 → handleError connecting_failed/tls/depth_zero_self_signed_cert → waits 187.5",
      },
      {
        variant: "another name",
        rules: [],
        options: { transportOptions: { servername: "other.test" } },
        outcome:
          "handleError connecting_failed/tls/cert_altname_invalid → waits 125 → handleError connecting_failed/tls/cert_altname_invalid → waits 187.5",
      },
    ],
    ...impossible(OF_PROVIDER, "the providers have answered"),
    ...impossible(OF_LOOKUP, "the address is known"),
    stall: { act: ({ clock }) => clock.stall(60_000), outcome: failed("timed_out") },
    close: { act: ({ connection }) => connection.close(), outcome: recovers("handleDisconnect - -") },
    stop: { act: ({ connection }) => void connection.stop(), outcome: "handleTerminate normal → exit normal" },
    reconnect: {
      act: ({ connection }) => connection.reconnect(),
      outcome: "handleDisconnect - - → at once → handleConnect 101 → echo",
    },
    replace: {
      act: (stage) => stage.replace(),
      outcome: `replace() rejects The connection is connecting → stays connecting → after 10000 → ${failed("timed_out")}`,
    },
    abort: { act: ({ controller }) => controller.abort(), outcome: "handleTerminate shutdown → exit shutdown" },
  },
};
