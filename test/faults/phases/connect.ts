/** TCP is being connected to: the address is known, and nobody has answered. */
import { type Cell, impossible, type Phase, recovers } from "../cell.ts";
import { OF_ANSWER, OF_FRAMES, OF_LOOKUP, OF_PROVIDER, OF_TLS } from "../faults.ts";
import { refusingPort, unansweringPort } from "../ports.ts";

const NO_BYTES = "no bytes flow before TCP stands";

/** The first attempt goes there, and all others to the proxy. */
const firstTo =
  (port: () => number): NonNullable<Cell["uri"]> =>
  (stage) => {
    let asked = 0;
    return () => {
      asked += 1;
      return asked === 1 ? `ws://127.0.0.1:${port()}/` : stage.proxy.url;
    };
  };

const failed = (reason: string): string => recovers(`handleError connecting_failed/tcp/${reason}`);
const hanging: Cell = { outcome: `after 10000 → ${failed("timed_out")}` };

export const CONNECT: Phase = {
  name: "connect",
  about: "TCP is being connected to, and nobody answers",
  setting: { uri: firstTo(unansweringPort) },
  reach: async (stage) => {
    stage.start();
    await stage.settle();
  },
  before: "",
  cells: {
    refused: [
      { uri: firstTo(refusingPort), outcome: failed("refused") },
      {
        variant: "by every address",
        uri: () => `ws://server.test:${refusingPort()}/`,
        options: {
          transportOptions: {
            lookup: (_host, _options, answer) =>
              answer(null, [
                { address: "127.0.0.1", family: 4 },
                { address: "::1", family: 6 },
              ]),
          },
        },
        outcome:
          "handleError connecting_failed/tcp/refused → waits 125 → handleError connecting_failed/tcp/refused → waits 187.5",
      },
    ],
    ...impossible(["reset"], "an RST in answer to a SYN is the refused connection"),
    ...impossible(["fin", "garbage", "split", "drip", "bandwidth", "hang"], NO_BYTES),
    deafClient: hanging,
    deafServer: hanging,
    blackHole: hanging,
    ...impossible(
      ["latency"],
      "a SYN that is answered late is one that is answered; past connectTimeout it is the black hole",
    ),
    ...impossible([...OF_ANSWER, ...OF_FRAMES, ...OF_TLS], NO_BYTES),
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
