/**
 * A raw server for streams that are too large for memory: numbered messages of mixed sizes, as fast as the client reads, or a peer that
 * reads when it is told to. It knows just enough WebSocket for that.
 *
 * A message begins with its number in twelve decimal digits; sizes repeat in a fixed order (`SIZES`), small ones are text.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** Digits of a number. */
export const DIGITS = 12;

/** From the shortest form of a length to the longest, two in three of them short; 4 MB in all. */
export const SIZES: readonly number[] = Array.from({ length: 240 }, (_, index) => {
  if (index % 3 !== 0) return DIGITS + ((index * 7) % 200);
  if (index % 40 !== 0) return 1000 + ((index * 997) % 90_000);
  return 100_000 + ((index * 99_991) % 900_000);
});
const TEXT_BELOW = 20_000;

/** A server for one client; `socket` is it after the 101. */
export class RawServer implements AsyncDisposable {
  readonly url: string;
  readonly socket: Promise<Socket>;
  readonly #server: Server;
  #open: Socket | undefined;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    this.socket = once(server, "connection").then(([socket]) => this.#upgrade(socket as Socket));
  }

  static async start(): Promise<RawServer> {
    const server = createServer({ noDelay: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new RawServer(server);
  }

  async #upgrade(socket: Socket): Promise<Socket> {
    this.#open = socket;
    socket.on("error", () => socket.destroy());
    let head = "";
    while (!head.includes("\r\n\r\n")) head += ((await once(socket, "data"))[0] as Buffer).toString("latin1");
    const key = /sec-websocket-key: (.*)\r\n/i.exec(head)?.[1] ?? "";
    const accept = createHash("sha1").update(`${key}${GUID}`).digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#open?.destroy();
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }
}

/** A run of messages of all sizes, with the places of their numbers: renumbered for each use. */
class Block {
  readonly bytes: Buffer;
  readonly #places: readonly number[];

  constructor() {
    const parts: Buffer[] = [];
    const places: number[] = [];
    let at = 0;
    for (const size of SIZES) {
      const head = headOf(size < TEXT_BELOW ? 0x81 : 0x82, size);
      places.push(at + head.length);
      at += head.length + size;
      parts.push(head, Buffer.alloc(size, "."));
    }
    this.bytes = Buffer.concat(parts);
    this.#places = places;
  }

  number(first: number): void {
    this.#places.forEach((place, index) => {
      this.bytes.write(String(first + index).padStart(DIGITS, "0"), place, "latin1");
    });
  }
}

/** Streams so many whole rounds of SIZES to a client, as fast as the system takes them, and a close frame. Answers how many messages. */
export async function stream(socket: Socket, rounds: number): Promise<number> {
  // While one is with the system, another is numbered.
  const blocks = [new Block(), new Block(), new Block()].map((block) => ({ block, written: Promise.resolve() }));
  for (let round = 0; round < rounds; round += 1) {
    const turn = blocks[round % blocks.length] as (typeof blocks)[number];
    await turn.written;
    turn.block.number(round * SIZES.length);
    turn.written = new Promise((resolve, reject) => {
      socket.write(turn.block.bytes, (error) => (error ? reject(error) : resolve()));
    });
  }
  await Promise.all(blocks.map(({ written }) => written));
  socket.write(Buffer.from([0x88, 2, 0x03, 0xe8]));
  return rounds * SIZES.length;
}

/** Bytes of a frame's header, for a payload of a size. */
export function headLength(size: number): number {
  return size < 126 ? 2 : size < 65_536 ? 4 : 10;
}

function headOf(first: number, size: number): Buffer {
  if (headLength(size) === 2) return Buffer.from([first, size]);
  if (headLength(size) === 4) return Buffer.from([first, 126, size >> 8, size & 255]);
  const head = Buffer.alloc(10);
  head[0] = first;
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(size), 2);
  return head;
}
