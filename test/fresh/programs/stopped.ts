/** Starts connections to a server, ends them in several ways, and does nothing more: it must exit by itself. */
import { Fresh, stop } from "../../../src/index.ts";

const [uri = ""] = process.argv.slice(2);
const options = { infoLogging: false, errorLogging: false, pingInterval: 1000, hibernateAfter: 1000 };

const Plain = Fresh.define<null>("Plain", {});
const Leaving = Fresh.define<null>("Leaving", { handleDisconnect: () => stop() });
const Crashing = Fresh.define<null>("Crashing", {
  handleInfo: () => {
    throw new Error("crash");
  },
});

const controller = new AbortController();
const stopped = Plain.start({ uri, state: null, options: { ...options, signal: controller.signal } });
const left = Leaving.start({ uri, state: null, options });
const crashed = Crashing.start({ uri, state: null, options: { ...options, logger: { error() {}, info() {} } } });
// Port 9 is "discard", which nobody serves: these two never open.
const waiting = Plain.start({ uri: "ws://127.0.0.1:9/", state: null, options: { ...options, backoffInitial: 60_000 } });
const provided = Plain.start({ uri: () => new Promise(() => undefined), state: null, options });
stopped.send("x", { ttl: 60_000 });
waiting.send("never sent", { ttl: 60_000 });
await Promise.all([stopped.opened(), left.opened(), crashed.opened()]);
left.close();
crashed.info("crash");
await Promise.all([stopped.probe(), left.exited, crashed.exited]);
await Promise.all([stopped.stop(), waiting.stop(), provided.stop()]);
console.log("stopped");
