/** What the `ws` package's Receiver makes of a stream, and where it differs from our decoder for a reason. */
import { createRequire } from "node:module";
import type { ProtocolEvent } from "../../src/protocol/event.ts";
import { eventsOf } from "./decoding.ts";
import type { Limits } from "./reference-decoder.ts";
import { agree, type Opinion, type Other, onlyControl } from "./second-opinion.ts";
import { cutAt } from "./wire.ts";

/** ws has no types for these; this is what is used of them. */
type Receiver = {
  on(event: string, listener: (...values: never[]) => void): void;
  _write(chunk: Uint8Array, encoding: string, done: (error?: Error & Record<symbol, number>) => void): void;
};
type ReceiverClass = new (options: Record<string, unknown>) => Receiver;
type PerMessageDeflate = {
  accept(offers: readonly Readonly<Record<string, readonly unknown[]>>[]): void;
  cleanup(): void;
};
type PerMessageDeflateClass = {
  new (options: Record<string, unknown>): PerMessageDeflate;
  readonly extensionName: string;
};
const { Receiver, PerMessageDeflate } = createRequire(import.meta.url)("ws") as {
  Receiver: ReceiverClass;
  PerMessageDeflate: PerMessageDeflateClass;
};

export const WS: Other = {
  name: "ws",
  differences: [
    {
      endings: ["invalid_utf8"],
      section: "§8.1, §5.6",
      why: "text is judged as it comes, not when its message ends; until then ws may find another fault, or none",
      holds: (_ws, more) => onlyControl(more),
    },
    {
      endings: ["non_minimal_length"],
      section: "§5.2",
      why: "the minimal number of bytes MUST be used for a length; ws takes any form",
      holds: () => true,
    },
    {
      endings: ["length_top_bit"],
      section: "§5.2",
      why: "the most significant bit MUST be 0: an error of the protocol, where ws sees a size it can't take",
      holds: (ws, more) => more.length === 0 && ws.closeCode === 1009,
    },
    {
      endings: ["too_many_fragments"],
      section: "§7.4.1",
      why: "1009 says too big; ws says 1008, and only when the fragment's payload is complete",
      holds: (_ws, more) => onlyControl(more),
    },
    {
      endings: [
        "reserved_bits",
        "reserved_opcode",
        "control_fragmented",
        "unexpected_continuation",
        "expected_continuation",
      ],
      section: "§7.1.7",
      why: "the first byte of a header is judged when it is there; ws waits for the second",
      holds: (ws, more, atEnd) => atEnd && more.length === 0 && ws.closeCode === undefined,
    },
  ],
};

/** Throws when ws reads this stream, cut at these places, in another way than we do, and no difference explains it. */
export function agreesWithWs(stream: Uint8Array, cuts: readonly number[], limits: Limits): void {
  agree(stream, cuts, (chunks) => eventsOf(chunks, limits), WS, readWithWs(cutAt(stream, cuts), limits));
}

/** What of permessage-deflate binds the peer of the one who reads. */
export type DeflateAgreement = { readonly takeover: boolean; readonly windowBits: number };

/** The same with compression, for which ws uses the thread pool. */
export async function readDeflatedWithWs(
  stream: Uint8Array,
  limits: Limits,
  { takeover, windowBits }: DeflateAgreement,
): Promise<Opinion> {
  const isServer = limits.role === "server";
  const other = isServer ? "client" : "server";
  const deflate = new PerMessageDeflate({ isServer, maxPayload: limits.maxMessageSize });
  deflate.accept([
    {
      [`${other}_max_window_bits`]: [String(windowBits)],
      ...(takeover ? {} : { [`${other}_no_context_takeover`]: [true] }),
    },
  ]);
  const reading = beginWithWs(limits, { [PerMessageDeflate.extensionName]: deflate });
  await new Promise<void>((resolve) => reading.write(stream, resolve));
  deflate.cleanup();
  return reading.opinion();
}

function readWithWs(chunks: readonly Uint8Array[], limits: Limits): Opinion {
  const reading = beginWithWs(limits);
  for (const chunk of chunks) if (!reading.ended()) reading.write(chunk);
  return reading.opinion();
}

function beginWithWs(limits: Limits, extensions?: Readonly<Record<string, PerMessageDeflate>>) {
  const receiver = new Receiver({
    isServer: limits.role === "server",
    maxPayload: limits.maxMessageSize,
    maxFragments: limits.maxFragments,
    extensions,
  });
  const events: ProtocolEvent[] = [];
  let closeCode: number | undefined;
  let ended = false;
  receiver.on("message", (data: Buffer, isBinary: boolean) => {
    events.push(isBinary ? { type: "binary", data: new Uint8Array(data) } : { type: "text", data: data.toString() });
  });
  receiver.on("ping", (data: Buffer) => events.push({ type: "ping", data: new Uint8Array(data) }));
  receiver.on("pong", (data: Buffer) => events.push({ type: "pong", data: new Uint8Array(data) }));
  receiver.on("conclude", (code: number, reason: Buffer) => {
    events.push(code === 1005 ? { type: "close" } : { type: "close", code, reason: reason.toString() });
    ended = true;
  });
  return {
    ended: () => ended,
    /** Done at once where nothing is compressed. */
    write(chunk: Uint8Array, done?: () => void): void {
      // Its own buffers are unmasked in place, so it gets a copy.
      receiver._write(Buffer.from(chunk), "buffer", (error) => {
        if (error !== undefined && error !== null) {
          ended = true;
          const status = Object.getOwnPropertySymbols(error).find((symbol) => symbol.description === "status-code");
          closeCode = status === undefined ? 0 : (error[status] as number);
        }
        done?.();
      });
    },
    opinion: (): Opinion => (closeCode === undefined ? { events } : { events, closeCode }),
  };
}
