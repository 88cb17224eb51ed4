/** The functions given for uri and headers have been asked, and haven't answered. */
import { type Cell, impossible, type Phase, recovers } from "../cell.ts";
import { OF_ANSWER, OF_FRAMES, OF_LINK, OF_LOOKUP, OF_TLS } from "../faults.ts";
import type { Stage } from "../stage.ts";

type Uri = NonNullable<Cell["uri"]>;

/** Asked for the first attempt it does this; after that it gives the proxy's address. */
const atFirst =
  (first: (signal: AbortSignal) => string | Promise<string>): Uri =>
  (stage) => {
    let asked = 0;
    return ({ signal }) => {
      asked += 1;
      return asked === 1 ? first(signal) : stage.proxy.url;
    };
  };

const never = (): Promise<string> => new Promise(() => undefined);
const given = (value: unknown): Uri => atFirst(() => value as string);
const failed = (reason: string): string => recovers(`handleError connecting_failed/provider/${reason}`);

/** A provider that is asked, and answers when it has been left alone. */
const late = (act: (stage: Stage) => void): Pick<Cell, "uri" | "act"> => {
  let answer: (uri: string) => void = () => undefined;
  return {
    uri: atFirst(
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    ),
    act: (stage) => {
      act(stage);
      answer(stage.proxy.url);
    },
  };
};

export const PROVIDER: Phase = {
  name: "provider",
  about: "the functions given for `uri` and `headers` have been asked",
  setting: { uri: atFirst(never) },
  reach: async (stage) => {
    stage.start();
    await Promise.resolve();
  },
  before: "",
  cells: {
    ...impossible([...OF_LINK, "refused"], "nobody is connected to before there is an address"),
    ...impossible([...OF_ANSWER, ...OF_FRAMES], "no bytes flow before there is an address"),
    ...impossible(OF_TLS, "no TLS before there is an address"),
    ...impossible(OF_LOOKUP, "nothing is looked up before there is an address"),
    providerThrows: [
      {
        uri: atFirst(() => {
          throw new Error("no token");
        }),
        outcome: failed("provider"),
      },
      {
        variant: "with retryAfter",
        uri: atFirst(() => {
          throw Object.assign(new Error("busy"), { retryAfter: 8000 });
        }),
        outcome:
          "handleError connecting_failed/provider/provider retryAfter 8000 → waits 9000 → handleConnect 101 → echo",
      },
      { variant: "undefined", uri: atFirst(() => Promise.reject(undefined)), outcome: failed("provider") },
    ],
    providerRejects: [
      { uri: atFirst(() => Promise.reject(new Error("no token"))), outcome: failed("provider") },
      {
        variant: "when its signal aborts",
        uri: atFirst(
          (signal) =>
            new Promise((_resolve, reject) => {
              signal.addEventListener("abort", () => reject(signal.reason), { once: true });
            }),
        ),
        outcome: `after 10000 → ${failed("timed_out")}`,
      },
    ],
    providerHangs: [
      { outcome: `after 10000 → ${failed("timed_out")}` },
      {
        variant: "for headers",
        uri: ({ proxy }) => proxy.url,
        options: { headers: ({ attempt }) => (attempt === 1 ? new Promise(() => undefined) : {}) },
        outcome: `after 10000 → ${failed("timed_out")}`,
      },
    ],
    providerRubbish: [
      { variant: "no address", uri: given("nowhere"), outcome: failed("invalid_uri") },
      { variant: "another scheme", uri: given("ftp://127.0.0.1/"), outcome: failed("invalid_uri") },
      { variant: "null", uri: given(null), outcome: failed("invalid_uri") },
      {
        variant: "headers with a line break",
        uri: ({ proxy }) => proxy.url,
        options: { headers: ({ attempt }) => ({ "x-token": attempt === 1 ? "a\r\nb: c" : "a" }) },
        outcome: recovers("handleError upgrading_failed/provider/invalid_header"),
      },
    ],
    stall: { act: ({ clock }) => clock.stall(60_000), outcome: failed("timed_out") },
    close: {
      ...late(({ connection }) => connection.close()),
      outcome: recovers("handleDisconnect - -"),
    },
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
