/**
 * The other end of bench/throughput.ts, in a process of its own: a raw socket that knows just enough WebSocket, so that no
 * library's server is the bottleneck. `/source` writes text frames as fast as they are taken; `/sink` counts what comes
 * and answers, once the asked number of bytes is there, with one text frame.
 *
 * Paths: /source?count=N&size=B · /sink?bytes=N
 */
import { createHash } from "node:crypto";
import { createServer, type Socket } from "node:net";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

function frameOf(payload: Buffer): Buffer {
  if (payload.length < 126) return Buffer.concat([Buffer.from([0x81, payload.length]), payload]);
  const head = Buffer.alloc(4);
  head[0] = 0x81;
  head[1] = 126;
  head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}

function source(socket: Socket, count: number, size: number): void {
  const frame = frameOf(Buffer.alloc(size, "abcdefghijklmnopqrstuvwxyz0123456789"));
  const batch = Math.max(1, Math.floor(65_536 / frame.length));
  const block = Buffer.concat(Array.from({ length: batch }, () => frame));
  let left = count;
  const write = (): void => {
    while (left > 0) {
      const now = Math.min(batch, left);
      left -= now;
      if (!socket.write(now === batch ? block : block.subarray(0, now * frame.length))) {
        socket.once("drain", write);
        return;
      }
    }
  };
  write();
}

function sink(socket: Socket, bytes: number): void {
  let left = bytes;
  socket.on("data", (chunk: Buffer) => {
    const before = left;
    left -= chunk.length;
    if (before > 0 && left <= 0) socket.write(frameOf(Buffer.from(left === 0 ? "done" : `surplus of ${-left} bytes`)));
  });
}

const server = createServer({ noDelay: true }, (socket) => {
  let head = "";
  const onData = (chunk: Buffer): void => {
    head += chunk.toString("latin1");
    const end = head.indexOf("\r\n\r\n");
    if (end === -1) return;
    socket.off("data", onData);
    const key = /sec-websocket-key: (.*)\r\n/i.exec(head)?.[1] ?? "";
    const url = new URL(head.split(" ")[1] as string, "ws://localhost");
    const accept = createHash("sha1")
      .update(key + GUID)
      .digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    const number = (name: string): number => Number(url.searchParams.get(name));
    if (url.pathname === "/source") source(socket, number("count"), number("size"));
    else sink(socket, number("bytes"));
  };
  socket.on("data", onData);
  socket.on("error", () => socket.destroy());
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as { port: number }).port));
process.on("disconnect", () => process.exit());
