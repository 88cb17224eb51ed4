/**
 * Two ends of a connection that have agreed on permessage-deflate, on the bare engine or one of them a whole client; compressed
 * messages as frames; and what travels, in the words of node:zlib's documented functions.
 */
import assert from "node:assert/strict";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import {
  agreeTo,
  answerTo,
  Engine,
  type ExtensionStack,
  extensionsOf,
  offersOf,
  type PermessageDeflateOptions,
  type ProtocolEvent,
  permessageDeflate,
} from "../../src/protocol/index.ts";
import type { RawFrame } from "../../src/testing/index.ts";
import { Conversation } from "./conversation.ts";
import type { Role } from "./endpoint.ts";

export const RSV1 = 4;

const LIMITS = { maxMessageSize: 2 * 1024 * 1024, maxFragments: 1024 };

type Sides = { readonly client?: PermessageDeflateOptions; readonly server?: PermessageDeflateOptions };

/** What a client with these options and a server with those agree on: the server's answer, and each end's extensions. */
export function agreement({ client = {}, server = {} }: Sides = {}): {
  readonly answer: string;
  readonly stacks: Readonly<Record<Role, ExtensionStack>>;
} {
  const settings = { maxMessageSize: LIMITS.maxMessageSize, hibernates: false };
  const offered = permessageDeflate(client);
  const serving = answerTo(extensionsOf(offersOf([offered])) ?? [], [permessageDeflate(server)], {
    ...settings,
    role: "server",
  });
  assert.ok(serving !== undefined, "the server declines");
  const asking = agreeTo(extensionsOf([serving.header]) ?? [], [offered], { ...settings, role: "client" });
  assert.ok(asking.type === "agreed" && asking.stack !== undefined, "the client refuses the answer");
  return { answer: serving.header, stacks: { client: asking.stack, server: serving } };
}

/** The engine of one of the two. */
export function engineOf(role: Role, sides: Sides = {}): Engine {
  return new Engine({ role, ...LIMITS, extensions: agreement(sides).stacks[role] });
}

const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);

/** A message compressed as RFC 7692 §7.2.1 has it, by zlib's own functions; `window` is what was sent before it. */
export function deflated(
  message: string | Uint8Array,
  { bits = 15, window }: { bits?: number; window?: Uint8Array } = {},
) {
  const options = { windowBits: bits, finishFlush: constants.Z_SYNC_FLUSH };
  const made = deflateRawSync(message, window === undefined ? options : { ...options, dictionary: window });
  assert.deepEqual(made.subarray(-4), TAIL);
  return made.subarray(0, -4);
}

/** What a payload means to a receiver with this window, by zlib's own functions; throws when it refers to more than there is. */
export function inflated(
  payload: Uint8Array,
  { bits = 15, window }: { bits?: number; window?: Uint8Array } = {},
): Buffer {
  const options = { windowBits: bits, finishFlush: constants.Z_SYNC_FLUSH };
  const data = Buffer.concat([payload, TAIL]);
  return inflateRawSync(data, window === undefined ? options : { ...options, dictionary: window });
}

/** A compressed message in these parts; RSV1 stands on its first frame. */
export function marked(
  opcode: "text" | "binary",
  parts: readonly Uint8Array[],
  between: readonly RawFrame[] = [],
): RawFrame[] {
  return parts.flatMap((payload, index) => [
    ...(index === 0 ? [] : between),
    {
      opcode: index === 0 ? opcode : "continuation",
      fin: index === parts.length - 1,
      rsv: index === 0 ? RSV1 : 0,
      payload,
    } as const,
  ]);
}

/** The events of bytes that come in pieces of this size. */
export function eventsOf(engine: Engine, bytes: Uint8Array, pieceBytes = Infinity): ProtocolEvent[] {
  const events: ProtocolEvent[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    events.push(...engine.receive(bytes.subarray(at, Math.min(bytes.length, at + pieceBytes))));
    if (pieceBytes === Infinity) break;
  }
  return events;
}

/** An event's type, or the reason of a violation. */
export const reasonOf = (event: ProtocolEvent | undefined) =>
  event?.type === "violation" ? event.reason : event?.type;

/** A whole client whose server has agreed to permessage-deflate with these parameters, and reads and writes raw frames. */
export function openCompressed(
  parameters = "",
  callbacks = {},
  options: PermessageDeflateOptions = {},
): Promise<Conversation> {
  return Conversation.open({
    callbacks,
    options: { upgradeOptions: { extensions: [permessageDeflate(options)] }, maxMessageSize: 2 * 1024 * 1024 },
    accept: { extensions: `permessage-deflate${parameters}` },
  });
}
