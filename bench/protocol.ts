/**
 * The protocol engine by itself, no socket: ns a message for decoding and encoding, next to ws's Receiver and Sender
 * on the same bytes in the same process. Rounds are interleaved and the median of each is shown, so that a
 * noisy machine disturbs all rows alike.
 *
 * Run: node --conditions=everfresh-source --import tsx bench/protocol.ts [rounds]
 */
import { createRequire } from "node:module";
import { Engine } from "../src/protocol/engine.ts";

type Receiver = {
  on(event: "message", listener: (data: Buffer, isBinary: boolean) => void): void;
  _write(chunk: Uint8Array, encoding: string, done: (error?: Error) => void): void;
};
type Sender = { send(data: string | Uint8Array, options: object, done?: () => void): void };
const ws = createRequire(import.meta.url)("ws") as {
  Receiver: new (options: object) => Receiver;
  Sender: new (socket: object) => Sender;
};

const rounds = Number(process.argv[2] ?? 25);
const limits = { maxMessageSize: 16 << 20, maxFragments: 1024 };
/** What a socket hands over at once. */
const CHUNK = 65536;
/** How much a round decodes or encodes. */
const BYTES_A_ROUND = 8 << 20;
/** Kept from being optimised away. */
let seen = 0;

type Payload = { readonly name: string; readonly data: string | Uint8Array };
const payloads: readonly Payload[] = [
  { name: "64 B text", data: "abcdefgh".repeat(8) },
  { name: "64 B text, not ASCII", data: "äbcdefg".repeat(8) },
  { name: "1 KB text", data: "abcdefgh".repeat(128) },
  { name: "1 KB text, not ASCII", data: "äbcdefg".repeat(128) },
  { name: "64 KB text", data: "abcdefgh".repeat(8192) },
  { name: "64 B binary", data: new Uint8Array(64).fill(7) },
  { name: "64 KB binary", data: new Uint8Array(65536).fill(7) },
];

type Contender = { readonly name: string; readonly run: () => void };
type Row = { readonly name: string; readonly messages: number; readonly contenders: readonly Contender[] };

function wireBytes(data: string | Uint8Array, count: number, role: "client" | "server"): Uint8Array[] {
  const engine = new Engine({ role, ...limits });
  for (let index = 0; index < count; index++) engine.encode(data);
  const run = engine.take() as Uint8Array;
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < run.length; at += CHUNK) chunks.push(Buffer.from(run.subarray(at, at + CHUNK)));
  return chunks;
}

function decodeRow({ name, data }: Payload, role: "client" | "server"): Row {
  const messages = Math.ceil(BYTES_A_ROUND / (data.length + 6));
  const chunks = wireBytes(data, messages, role === "client" ? "server" : "client");
  const engine = new Engine({ role, ...limits });
  const receiver = new ws.Receiver({ isServer: role === "server", maxPayload: limits.maxMessageSize });
  receiver.on("message", (message, isBinary) => {
    seen += isBinary ? message.length : message.toString().length;
  });
  const done = () => {};
  return {
    name: `decode ${name} as ${role}`,
    messages,
    contenders: [
      {
        name: "everfresh",
        run: () => {
          for (const chunk of chunks) {
            engine.push(chunk);
            for (let event = engine.next(); event !== undefined; event = engine.next()) {
              if (event.type === "text" || event.type === "binary") seen += event.data.length;
            }
          }
        },
      },
      {
        name: "ws",
        // As a server ws unmasks in place, so what it reads in later rounds is no text; that costs it nothing here.
        run: () => {
          for (const chunk of role === "server" ? chunks.map((chunk) => Buffer.from(chunk)) : chunks) {
            receiver._write(chunk, "buffer", done);
          }
        },
      },
    ],
  };
}

function encodeRow({ name, data }: Payload, role: "client" | "server", batch: number): Row {
  const messages = Math.ceil(BYTES_A_ROUND / (data.length + 6));
  const engine = new Engine({ role, ...limits });
  const socket = {
    cork() {},
    uncork() {},
    write(bytes: Uint8Array | string) {
      seen += bytes.length;
    },
  };
  const sender = new ws.Sender(socket);
  const options = { fin: true, binary: typeof data !== "string", mask: role === "client", compress: false };
  return {
    name: `encode ${name} as ${role}, ${batch} a batch`,
    messages,
    contenders: [
      {
        name: "everfresh",
        run: () => {
          for (let index = 0; index < messages; index++) {
            engine.encode(data);
            if (index % batch === batch - 1) socket.write(engine.take() as Uint8Array);
          }
          engine.take();
        },
      },
      // As a server ws hands strings and bytes to the socket as they are; their cost would not show here.
      ...(role === "server"
        ? []
        : [
            {
              name: "ws",
              run: () => {
                for (let index = 0; index < messages; index++) sender.send(data, options);
              },
            },
          ]),
    ],
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] as number;
}

function measure({ name, messages, contenders }: Row): void {
  const times = contenders.map((): number[] => []);
  for (let round = -3; round < rounds; round++) {
    for (const [index, { run }] of contenders.entries()) {
      const start = process.hrtime.bigint();
      run();
      const took = Number(process.hrtime.bigint() - start) / messages;
      // The first rounds warm up the compiler.
      if (round >= 0) times[index]?.push(took);
    }
  }
  const medians = times.map(median);
  const cells = contenders.map((contender, index) => `${contender.name} ${medians[index]?.toFixed(0).padStart(7)} ns`);
  const [ours = 0, theirs] = medians;
  const ratio = theirs === undefined ? "" : `${(theirs / ours).toFixed(1)} x`;
  console.log(`${name.padEnd(52)} ${cells.join("   ")}   ${ratio}`);
}

const rows: readonly Row[] = [
  ...payloads.map((payload) => decodeRow(payload, "client")),
  ...payloads.map((payload) => decodeRow(payload, "server")),
  ...payloads.map((payload) => encodeRow(payload, "client", 1)),
  ...payloads.filter(({ data }) => data.length < 5000).map((payload) => encodeRow(payload, "client", 64)),
  ...payloads.map((payload) => encodeRow(payload, "server", 1)),
];
const only = process.argv[3] ?? "";
console.log(`Node ${process.version}, median of ${rounds} rounds, ns a message`);
for (const row of rows) if (row.name.includes(only)) measure(row);
if (seen === 0) throw new Error("nothing was measured");
