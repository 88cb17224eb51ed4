/** A server on the `ws` package; see program.py for what it is asked and tells. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type PerMessageDeflateOptions, WebSocketServer } from "ws";
import { PING, SUBPROTOCOL, serverArguments, tell, wishOf } from "./wishes.ts";

const FRAGMENT = 5;

const { host, port, unix, cert, key, clientCa, deflate } = serverArguments();
const http =
  cert === undefined || key === undefined
    ? createServer()
    : createTlsServer({
        cert: readFileSync(cert),
        key: readFileSync(key),
        ...(clientCa === undefined ? {} : { ca: readFileSync(clientCa), requestCert: true, rejectUnauthorized: true }),
      });
const server = new WebSocketServer({
  server: http,
  perMessageDeflate: deflate === undefined ? false : (deflate as PerMessageDeflateOptions),
  handleProtocols: (offered) => offered.has(SUBPROTOCOL) && SUBPROTOCOL,
  verifyClient: ({ req }, answer) => {
    const [wish, status] = wishOf(req.url ?? "");
    if (wish === "refuse") answer(false, Number(status), "not here\n");
    else answer(true);
  },
});

server.on("connection", (socket, request) => {
  const path = request.url ?? "";
  const [wish, ...words] = wishOf(path);
  socket.on("error", () => undefined);
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on("close", (code, reason) => tell({ event: "closed", path, code, reason: reason.toString() }));
  if (wish === "ping") {
    socket.on("pong", (data) => socket.send(`pong: ${data.toString()}`));
    socket.ping(PING);
  } else if (wish === "close" && words.length > 0) {
    socket.close(Number(words[0]), words[1]);
  } else if (wish === "close") {
    socket.close();
  } else if (wish === "fragments") {
    for (const [data, binary] of [
      [Buffer.from("größer 🦊 in pieces"), false],
      [Buffer.from(Array.from({ length: 256 }, (_, index) => index)), true],
    ] as const) {
      for (let start = 0; start < data.length; start += FRAGMENT) {
        const end = start + FRAGMENT;
        socket.send(data.subarray(start, end), { binary, fin: end >= data.length });
      }
    }
  }
});

const listening = () =>
  tell({ event: "listening", port: unix === undefined ? (http.address() as AddressInfo).port : 0 });
if (unix === undefined) http.listen(port, host, listening);
else http.listen(unix, listening);
