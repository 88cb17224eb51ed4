/** Drives a decoder in tests: pushes chunks, collects events, and stops where the engine would. */
import { Decoder, type DecoderOptions } from "../../src/protocol/decoder.ts";
import type { ProtocolEvent } from "../../src/protocol/event.ts";

export const client: DecoderOptions = { role: "client", maxMessageSize: 1 << 20, maxFragments: 16 };
export const server: DecoderOptions = { ...client, role: "server" };

/** The events of chunks pushed one by one, each read out before the next comes. */
export function eventsOf(chunks: readonly Uint8Array[], options: DecoderOptions = client): ProtocolEvent[] {
  const decoder = new Decoder(options);
  const events: ProtocolEvent[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    if (drain(decoder, events)) return events;
  }
  return events;
}

/** The same with all chunks pushed before the first event is asked for. */
export function eventsOfQueued(chunks: readonly Uint8Array[], options: DecoderOptions = client): ProtocolEvent[] {
  const decoder = new Decoder(options);
  const events: ProtocolEvent[] = [];
  for (const chunk of chunks) decoder.push(chunk);
  drain(decoder, events);
  return events;
}

/** Reads out what there is; true after an event that nothing may follow. */
function drain(decoder: Decoder, events: ProtocolEvent[]): boolean {
  for (let event = decoder.next(); event !== undefined; event = decoder.next()) {
    events.push(event);
    if (event.type === "violation" || event.type === "close" || event.type === "extensionFailed") return true;
  }
  return false;
}
