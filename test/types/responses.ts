/** What a callback may answer: the right kind of response, with a state of the right type, on every path. */
import { close, Fresh, type FreshError, ignore, ok, ping, reconnect, reply, stop, text } from "../../src/index.ts";

declare const maybe: boolean;

export const right = [
  Fresh.define<number>("Synchronous", {
    handleConnect: (_status, _headers, state) => ok(state),
    handleControl: () => reply(ping(), 0),
    handleIn: () => reply(["text", new Uint8Array(1), text("a"), { type: "close", code: 1000 }], 0),
    handleInfo: () => close(1000, "", 0),
    handleDisconnect: () => (maybe ? ignore(1) : maybe ? reconnect() : stop("boom")),
    handleError: () => reconnect(1, { after: 100 }),
    handleTerminate: () => undefined,
  }),
  Fresh.define<number>("Asynchronous", {
    handleConnect: async (_status, _headers, state) => ok(state),
    handleControl: () => Promise.resolve(reply([], 0)),
    async handleIn(_frame, state) {
      await undefined;
      if (maybe) return close(1000, "", state);
      return reply("x", state);
    },
    handleInfo: (_message, state) => (maybe ? ok(state) : Promise.resolve(ok(state))),
    handleDisconnect: async () => reconnect(),
    handleError: async ({ kind }) => (kind === "decoding_failed" ? stop({ error: kind }) : ignore(0)),
  }),
  Fresh.define<undefined>("Stateless", {
    handleIn: () => ok(undefined),
    handleDisconnect: () => reconnect(undefined),
  }),
  Fresh.define("Of any state", { handleDisconnect: () => stop({ shutdown: "maintenance" }) }),
];

export const forgottenReturns = [
  Fresh.define<number>("M", {
    // @ts-expect-error 2322: the response isn't returned
    handleIn(_frame, state) {
      ok(state);
    },
  }),
  Fresh.define<number>("M", {
    // @ts-expect-error 2322: one path returns nothing
    handleInfo: (_message, state) => {
      if (maybe) return ok(state);
      return;
    },
  }),
  Fresh.define<number>("M", {
    // @ts-expect-error 2322: the response isn't returned
    async handleConnect(_status, _headers, state) {
      ok(state);
    },
  }),
  Fresh.define<number>("M", {
    // @ts-expect-error 2322: the response isn't returned
    handleDisconnect: () => {
      reconnect();
    },
  }),
  Fresh.define<number>("M", {
    // @ts-expect-error 2322: the response isn't returned
    handleError: async () => {
      stop();
    },
  }),
  // @ts-expect-error 2322: a state is no response
  Fresh.define<number>("M", { handleIn: (_frame, state) => state + 1 }),
];

export const wrongKinds = [
  // @ts-expect-error 2322: handleIn can't reconnect
  Fresh.define<number>("M", { handleIn: () => reconnect() }),
  // @ts-expect-error 2322: handleIn can't stop
  Fresh.define<number>("M", { handleIn: () => stop() }),
  // @ts-expect-error 2322: handleConnect can't ignore
  Fresh.define<number>("M", { handleConnect: () => ignore(0) }),
  // @ts-expect-error 2322: handleInfo can't stop, by a promise either
  Fresh.define<number>("M", { handleInfo: async () => stop() }),
  // @ts-expect-error 2322: handleControl can't reconnect
  Fresh.define<number>("M", { handleControl: () => reconnect(0) }),
  // @ts-expect-error 2322: handleDisconnect can't be ok
  Fresh.define<number>("M", { handleDisconnect: () => ok(0) }),
  // @ts-expect-error 2322: handleDisconnect can't reply
  Fresh.define<number>("M", { handleDisconnect: () => reply("x", 0) }),
  // @ts-expect-error 2322: handleError can't close
  Fresh.define<number>("M", { handleError: () => close(1000, "", 0) }),
  // @ts-expect-error 2322: handleError can't be ok, by a promise either
  Fresh.define<number>("M", { handleError: async () => ok(0) }),
];

export const wrongStates = [
  // @ts-expect-error 2322: the state is a number
  Fresh.define<number>("M", { handleIn: () => ok("0") }),
  // @ts-expect-error 2322: the state is a number
  Fresh.define<number>("M", { handleIn: () => reply("x", "0") }),
  // @ts-expect-error 2322: the state is a number
  Fresh.define<number>("M", { handleInfo: () => close(1000, "", null) }),
  // @ts-expect-error 2322: the state is a number
  Fresh.define<number>("M", { handleDisconnect: () => ignore("0") }),
  // @ts-expect-error 2322: the state is a number
  Fresh.define<number>("M", { handleDisconnect: () => reconnect("0") }),
  // @ts-expect-error 2322: the state is a number, by a promise too
  Fresh.define<number>("M", { handleError: async () => reconnect(undefined) }),
  // @ts-expect-error 2554: a state is needed
  Fresh.define<number>("M", { handleIn: () => ok() }),
  // @ts-expect-error 2554: a state is needed
  Fresh.define<number>("M", { handleIn: () => reply("x") }),
];

export const wrongFrames = [
  // @ts-expect-error 2345: a number is no frame
  reply(42, null),
  // @ts-expect-error 2322: a number is no frame, in a list either
  reply(["text", 42], null),
  // @ts-expect-error 2345: there is no such type of frame
  reply({ type: "txt", data: "x" }, null),
  // @ts-expect-error 2345: text is a string
  reply({ type: "text", data: new Uint8Array(1) }, null),
  // @ts-expect-error 2353: after is an option of reconnect, in ms
  reconnect(0, { afterwards: 1 }),
  // @ts-expect-error 2345: a code is a number
  close("1000", "", 0),
];

export const wrongCallbacks = [
  // @ts-expect-error 2561: there is no such callback
  Fresh.define<number>("M", { handleOpen: () => ok(0) }),
  // @ts-expect-error 2322: a callback is a function
  Fresh.define<number>("M", { handleIn: ok(0) }),
  // @ts-expect-error 2322: handleIn gets a frame, not a string
  Fresh.define<number>("M", { handleIn: (message: string, state) => reply(message, state) }),
];

/** A switch over the kinds of error is complete with these eight. */
export function everyKind(error: FreshError): string {
  switch (error.kind) {
    case "connecting_failed":
    case "upgrading_failed":
    case "establishing_failed":
    case "streaming_failed":
    case "processing_failed":
    case "decoding_failed":
    case "encoding_failed":
    case "casting_failed":
      return error.message;
  }
}

// @ts-expect-error 2366: casting_failed is missing, so not every path returns
export function notEveryKind(error: FreshError): string {
  switch (error.kind) {
    case "connecting_failed":
    case "upgrading_failed":
    case "establishing_failed":
    case "streaming_failed":
    case "processing_failed":
    case "decoding_failed":
    case "encoding_failed":
      return error.message;
  }
}
