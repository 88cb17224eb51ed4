/**
 * The other end of bench/compression.ts, in a process of its own: a raw socket that knows just enough of WebSocket and permessage-deflate.
 * `/source` writes frames that were compressed before the connection came; `/sink` counts the frames that come, and says, once all are there,
 * of how many bytes their payloads were and what they inflate to.
 *
 * Paths: /source?count=N · /sink?count=N
 */
import { createHash } from "node:crypto";
import { createServer, type Socket } from "node:net";
import { constants, createDeflateRaw, inflateRawSync } from "node:zlib";
import { jsonMessages } from "./json-messages.ts";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);
/** Messages of a block; a block refers to nothing before it, so it can be sent again and again. */
const BLOCK = 2000;

/** Context takeover within the block: one stream, a flush behind each message. */
async function compressedBlock(): Promise<Buffer> {
  const deflate = createDeflateRaw({ level: 6 });
  const frames: Buffer[] = [];
  for (const message of jsonMessages(BLOCK)) {
    deflate.write(message);
    const payload = await new Promise<Buffer>((resolve) => {
      const parts: Buffer[] = [];
      const take = (part: Buffer): number => parts.push(part);
      deflate.on("data", take);
      deflate.flush(constants.Z_SYNC_FLUSH, () => {
        deflate.off("data", take);
        resolve(Buffer.concat(parts).subarray(0, -TAIL.length));
      });
    });
    const head =
      payload.length < 126 ? [0xc1, payload.length] : [0xc1, 126, payload.length >> 8, payload.length & 0xff];
    frames.push(Buffer.from(head), payload);
  }
  return Buffer.concat(frames);
}

const block = await compressedBlock();

function source(socket: Socket, count: number): void {
  let left = count / BLOCK;
  const write = (): void => {
    while (left > 0) {
      left -= 1;
      if (!socket.write(block)) {
        socket.once("drain", write);
        return;
      }
    }
  };
  write();
}

/** Reads a client's frames, all of them final and shorter than 64 KiB. */
function sink(socket: Socket, count: number): void {
  let rest: Buffer = Buffer.alloc(0);
  const payloads: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    for (;;) {
      if (at + 2 > rest.length) break;
      const short = (rest[at + 1] as number) & 0x7f;
      const header = short < 126 ? 2 : 4;
      if (at + header + 4 > rest.length) break;
      const length = short < 126 ? short : rest.readUInt16BE(at + 2);
      const start = at + header + 4;
      if (start + length > rest.length) break;
      const payload = Buffer.from(rest.subarray(start, start + length));
      for (let index = 0; index < length; index++)
        payload[index] = (payload[index] as number) ^ (rest[start - 4 + (index & 3)] as number);
      payloads.push(payload);
      at = start + length;
    }
    rest = rest.subarray(at);
    if (payloads.length < count) return;
    socket.removeAllListeners("data");
    const wire = payloads.reduce((sum, payload) => sum + payload.length, 0);
    const data = inflateRawSync(Buffer.concat(payloads.flatMap((payload) => [payload, TAIL])), {
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    const said = Buffer.from(JSON.stringify({ wire, inflated: data.length }));
    socket.write(Buffer.concat([Buffer.from([0x81, said.length]), said]));
  });
}

const server = createServer({ noDelay: true }, (socket) => {
  let head = "";
  const onData = (chunk: Buffer): void => {
    head += chunk.toString("latin1");
    if (!head.includes("\r\n\r\n")) return;
    socket.off("data", onData);
    const key = /sec-websocket-key: (.*)\r\n/i.exec(head)?.[1] ?? "";
    const url = new URL(head.split(" ")[1] as string, "ws://localhost");
    const accept = createHash("sha1")
      .update(key + GUID)
      .digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n`,
    );
    const count = Number(url.searchParams.get("count"));
    if (url.pathname === "/source") source(socket, count);
    else sink(socket, count);
  };
  socket.on("data", onData);
  socket.on("error", () => socket.destroy());
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as { port: number }).port));
process.on("disconnect", () => process.exit());
