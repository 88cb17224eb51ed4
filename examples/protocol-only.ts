/**
 * The protocol engine alone, with no socket: two of them talk to each other through arrays of bytes.
 *
 * This is for those who bring their own transport, or want to test a server. The engine never throws on input, and gives the same
 * events however the bytes are cut: here they are fed one at a time.
 *
 * Prints:
 *     server: the request is good, it asks for chat
 *     client: the answer is good, chat it is
 *     server: {"type":"text","data":"hello"}
 *     server: ping of 2 bytes
 *     client: pong of 2 bytes
 *     client: violation reserved_opcode, answered with 1002
 *     server: {"type":"close","code":1002,"reason":"reserved opcode"}
 */
import { ping } from "everfresh";
import {
  createKey,
  Engine,
  type ProtocolEvent,
  requestHeaders,
  responseHeaders,
  validateRequest,
  validateResponse,
} from "everfresh/protocol";

// The opening handshake is header fields in, a verdict out: how they travel is your affair.
const key = createKey();
const subprotocols = ["chat"];
const request = validateRequest({ method: "GET", headers: requestHeaders({ key, subprotocols }) });
if (request.type === "refused") throw new Error(request.message);
console.log(`server: the request is good, it asks for ${request.subprotocols}`);

const headers = responseHeaders({ key: request.key, protocol: "chat" });
const answer = validateResponse({ status: 101, headers }, { key, subprotocols, offeredExtensions: [] });
if (answer.type === "refused") throw new Error(answer.message);
console.log(`client: the answer is good, ${answer.protocol} it is`);

const limits = { maxMessageSize: 1024 * 1024, maxFragments: 64 };
const client = new Engine({ role: "client", ...limits });
const server = new Engine({ role: "server", ...limits });

/** Feeds bytes one at a time and prints the events. */
function feed(name: string, engine: Engine, bytes: Uint8Array | undefined): void {
  for (const byte of bytes ?? []) {
    for (const event of engine.receive(Uint8Array.of(byte))) console.log(`${name}: ${describe(event)}`);
  }
}

function describe(event: ProtocolEvent): string {
  if (event.type === "violation") return `violation ${event.reason}, answered with ${event.closeCode}`;
  if (event.type === "extensionFailed") return event.message;
  if (event.type === "text" || event.type === "close") return JSON.stringify(event);
  return `${event.type} of ${event.data.length} bytes`;
}

client.encode("hello");
client.encode(ping("hi"));
feed("server", server, client.take()); // both frames, masked, as one run of bytes
feed("client", client, server.take()); // the pong, which the server's engine has made by itself

feed("client", client, Uint8Array.of(0x83, 0x00)); // opcode 3 has no meaning in RFC 6455
feed("server", server, client.take()); // the close frame that the client's engine has answered it with
