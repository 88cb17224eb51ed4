/** The host's name is being looked up. */
import type { Options, TransportOptions } from "../../../src/index.ts";
import { type Cell, impossible, type Phase, recovers } from "../cell.ts";
import { OF_ANSWER, OF_FRAMES, OF_LINK, OF_PROVIDER, OF_TLS } from "../faults.ts";
import type { Stage } from "../stage.ts";

type Lookup = NonNullable<TransportOptions["lookup"]>;
type Answer = Parameters<Lookup>[2];

const HERE = [{ address: "127.0.0.1", family: 4 }];

/** At the first look-up this happens; after that the name is found. */
function atFirst(first: (answer: Answer) => void): () => Options<null> {
  return () => {
    let looked = 0;
    const lookup: Lookup = (_host, _options, answer) => {
      looked += 1;
      if (looked === 1) first(answer);
      else answer(null, HERE);
    };
    return { transportOptions: { lookup } };
  };
}

const failsWith = (code: string) =>
  atFirst((answer) => process.nextTick(() => answer(Object.assign(new Error(`lookup: ${code}`), { code }), [])));

/** The name is found when the connection has been dealt with. */
function late(act: (stage: Stage) => void): Pick<Cell, "options" | "act"> {
  let found: () => void = () => undefined;
  const options = atFirst((answer) => {
    found = () => answer(null, HERE);
  });
  return {
    options,
    act: (stage) => {
      act(stage);
      found();
    },
  };
}

const failed = (reason: string): string => recovers(`handleError connecting_failed/dns/${reason}`);

export const RESOLVE: Phase = {
  name: "resolve",
  about: "the host's name is being looked up",
  setting: { uri: ({ proxy }) => `ws://server.test:${proxy.port}/`, options: atFirst(() => undefined) },
  reach: async (stage) => {
    stage.start();
    await stage.settle();
  },
  before: "",
  cells: {
    ...impossible([...OF_LINK, "refused"], "nobody is connected to before the name is resolved"),
    ...impossible([...OF_ANSWER, ...OF_FRAMES], "no bytes flow before the name is resolved"),
    ...impossible(OF_TLS, "no TLS before the name is resolved"),
    ...impossible(OF_PROVIDER, "the providers have answered"),
    lookupFails: [
      { variant: "no such name", options: failsWith("ENOTFOUND"), outcome: failed("not_found") },
      { variant: "no resolver", options: failsWith("EAI_AGAIN"), outcome: failed("resolver_unavailable") },
      {
        variant: "it throws",
        options: atFirst(() => {
          throw new Error("no resolver");
        }),
        outcome: failed("unknown"),
      },
    ],
    lookupHangs: { outcome: `after 10000 → ${failed("timed_out")}` },
    lookupEmpty: [
      {
        variant: "an empty list",
        options: atFirst((answer) => process.nextTick(() => answer(null, []))),
        outcome: failed("not_found"),
      },
      {
        variant: "no address at all",
        options: atFirst((answer) => process.nextTick(() => answer(null, undefined as never))),
        outcome: failed("not_found"),
      },
    ],
    stall: { act: ({ clock }) => clock.stall(60_000), outcome: failed("timed_out") },
    close: { ...late(({ connection }) => connection.close()), outcome: recovers("handleDisconnect - -") },
    stop: { ...late(({ connection }) => void connection.stop()), outcome: "handleTerminate normal → exit normal" },
    reconnect: {
      ...late(({ connection }) => connection.reconnect()),
      outcome: "handleDisconnect - - → at once → handleConnect 101 → echo",
    },
    replace: {
      ...late((stage) => stage.replace()),
      outcome: "replace() rejects The connection is connecting → handleConnect 101 → echo",
    },
    abort: { ...late(({ controller }) => controller.abort()), outcome: "handleTerminate shutdown → exit shutdown" },
  },
};
