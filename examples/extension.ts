/**
 * An extension of one's own (RFC 6455 §9): messages are numbered on their way, so that the other end notices when one is missing.
 *
 * Such a thing is good where something between the ends may drop messages, such as a queue behind a bridge. Here the server's
 * script plays that part, and loses the third.
 *
 * Prints:
 *     agreed on: x-numbered
 *     got one
 *     got two
 *     The peer broke the protocol: The extension x-numbered: message 3 is missing, 4 came.
 */
import { type Extension, type ExtensionSession, Fresh, ok, stop } from "everfresh";
import { rawFrame, TestServer } from "everfresh/testing";

/** Each message goes out behind its number, four bytes of it. */
const numbered: Extension = {
  name: "x-numbered",
  offers: [[]],
  accept: (parameters) => (parameters.length === 0 ? session() : { refused: "it takes no parameters." }),
  answer: () => ({ parameters: [], session: session() }),
};

function session(): ExtensionSession {
  let sent = 0;
  let received = 0;
  return {
    reservedBits: 0,
    scope: "message",
    takes: "every",
    encode(data) {
      const framed = new Uint8Array(4 + data.length);
      new DataView(framed.buffer).setUint32(0, ++sent);
      framed.set(data, 4);
      return { data: framed, reservedBits: 0 };
    },
    decode(data, frame, output) {
      // Only a message's first frame has the number; a sender that cuts messages must leave it whole.
      if (!frame.first) {
        output.write(data);
        return undefined;
      }
      if (data.length < 4) return { closeCode: 1002, message: "a message came without a number." };
      const number = new DataView(data.buffer, data.byteOffset).getUint32(0);
      received += 1;
      if (number !== received) {
        return { closeCode: 1002, message: `message ${received} is missing, ${number} came.` };
      }
      output.write(data.subarray(4));
      return undefined;
    },
  };
}

const server = await TestServer.start({
  extensions: [numbered],
  script: async (peer) => {
    await peer.accept();
    peer.send("one");
    peer.send("two");
    // The third is lost on its way: the next that arrives is the fourth, as it stands on the wire.
    peer.sendRaw(rawFrame({ opcode: "text", payload: "\0\0\0\x04four" }));
    await peer.ended;
  },
});

const Listener = Fresh.define<null>("Listener", {
  handleConnect(_status, _headers, state, self) {
    console.log(`agreed on: ${self.extensions}`);
    return ok(state);
  },
  handleIn(frame, state) {
    console.log(`got ${frame.data}`);
    return ok(state);
  },
  handleError(error) {
    console.log(error.message);
    return stop();
  },
});

const listener = Listener.start({
  uri: server.url,
  state: null,
  options: { upgradeOptions: { extensions: [numbered] }, errorLogging: false, infoLogging: false },
});
await listener.exited;
await server.stop();
