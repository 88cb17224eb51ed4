/** The backoff's wait; of the connection before, TCP still stands, since the server closed it and sent no FIN. */
import { accepting, echo, type Fault } from "../../../src/testing/index.ts";
import { type Cell, impossible, type Phase } from "../cell.ts";
import { OF_ANSWER, OF_LOOKUP, OF_PROVIDER, OF_TLS } from "../faults.ts";

const GOES_ON = "stays waiting → after 125 → handleConnect 101 → echo";
/** What still comes on the old connection is nobody's any more. */
const ignores = (fault: Fault): Cell => ({ fault, outcome: GOES_ON });

export const WAITING: Phase = {
  name: "waiting",
  about: "the backoff runs; of the connection before, which the server closed without a FIN, TCP still stands",
  setting: { script: [accepting((peer) => peer.close(1012, "restart"), { automatic: false }), echo()] },
  reach: async (stage) => {
    stage.start();
    await stage.line(2);
    await (await stage.peer(1)).receive("close");
  },
  before: "handleConnect 101 → handleDisconnect 1012 restart → waits 125",
  cells: {
    refused: {
      variant: "when the wait is over",
      act: ({ proxy }) => proxy.down(),
      outcome: "after 125 → handleError connecting_failed/tcp/refused → waits 187.5",
      unheard: 0,
    },
    reset: ignores({ type: "reset" }),
    fin: ignores({ type: "end" }),
    closeFrame: ignores({ type: "close", code: 1001 }),
    closeAndFin: ignores({ type: "close", code: 1001, fin: true }),
    deafClient: ignores({ type: "blackHole", direction: "toClient" }),
    deafServer: ignores({ type: "blackHole", direction: "toServer" }),
    blackHole: ignores({ type: "blackHole" }),
    ...impossible(["drip", "latency", "bandwidth", "split"], "nothing is on its way that could be slow"),
    ...impossible(OF_ANSWER, "no request is out"),
    garbage: ignores({ type: "garbage" }),
    glued: {
      variant: "more messages on the old connection",
      act: (stage) =>
        stage.asPeer(1, (peer) => {
          for (const text of ["a", "b", "c"]) peer.send(text);
        }),
      outcome: GOES_ON,
    },
    hugeHeader: ignores({ type: "inject", frame: { opcode: "binary", length: 2 ** 40, lengthEncoding: "64-bit" } }),
    tooLong: {
      options: { maxMessageSize: 1000 },
      ...ignores({ type: "inject", frame: { opcode: "binary", size: 1001 } }),
    },
    pingFlood: ignores({ type: "inject", frame: { opcode: "ping", size: 125 }, times: 10_000 }),
    ...impossible(["hang"], "the server isn't asked"),
    ...impossible(OF_TLS, "no handshake is being made"),
    ...impossible(OF_PROVIDER, "they are asked when the wait is over"),
    ...impossible(OF_LOOKUP, "nothing is looked up before the wait is over"),
    stall: { act: ({ clock }) => clock.stall(60_000), outcome: "handleConnect 101 → echo" },
    close: { act: ({ connection }) => connection.close(), outcome: GOES_ON },
    stop: { act: ({ connection }) => void connection.stop(), outcome: "handleTerminate normal → exit normal" },
    reconnect: { act: ({ connection }) => connection.reconnect(), outcome: "at once → handleConnect 101 → echo" },
    replace: { act: (stage) => stage.replace(), outcome: `replace() rejects The connection is waiting → ${GOES_ON}` },
    abort: { act: ({ controller }) => controller.abort(), outcome: "handleTerminate shutdown → exit shutdown" },
  },
};
