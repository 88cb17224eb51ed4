/**
 * A conversation between a client and a server of ours that have agreed on permessage-deflate by their own means: what one sends is what the
 * other hears, whatever was agreed on, however the bytes are cut, and through any number of hibernations.
 *
 * An input is a list of steps of four bytes: what is done, how much of it, of what, and who does it.
 */
import assert from "node:assert/strict";
import { type FrameLike, ping, text } from "../../../src/frame.ts";
import {
  agreeTo,
  answerTo,
  Engine,
  type ExtensionStack,
  extensionsOf,
  offersOf,
  permessageDeflate,
} from "../../../src/protocol/index.ts";
import { cutAt } from "../../protocol/wire.ts";
import type { Random } from "../random.ts";
import { Random as Generator } from "../random.ts";
import type { Target } from "../target.ts";
import { drawCuts } from "./decoder.ts";
import { drawOptions } from "./negotiation.ts";

const LIMITS = { maxMessageSize: 1 << 20, maxFragments: 1 };
const STEP = 4;
/** Bytes of a message for each of the amount: the longest is more than most windows. */
const LENGTH_FACTOR = 40;
const SENTENCES = ["everfresh everfresh ", '{"symbol":"ABC","price":1.25},', "é€😀", "0", "\0\0"];

/** Two engines, with what came of the negotiation; undefined where a server declines. */
function meet(random: Random): readonly [Engine, Engine] {
  const hibernates = random.once(2);
  const settings = { maxMessageSize: LIMITS.maxMessageSize, hibernates };
  const offered = permessageDeflate(drawOptions(random));
  const offers = extensionsOf(offersOf([offered]));
  assert.ok(offers !== undefined);
  const answering = permessageDeflate(random.once(2) ? {} : drawOptions(random));
  const serverStack = answerTo(offers, [answering], { ...settings, role: "server" });
  const entries = serverStack === undefined ? [] : extensionsOf([serverStack.header]);
  assert.ok(entries !== undefined);
  const result = agreeTo(entries, [offered], { ...settings, role: "client" });
  assert.equal(result.type, "agreed", `${serverStack?.header} is refused`);
  const clientStack: ExtensionStack | undefined = result.type === "agreed" ? result.stack : undefined;
  return [
    new Engine({ role: "client", ...LIMITS, extensions: clientStack }),
    new Engine({ role: "server", ...LIMITS, extensions: serverStack }),
  ];
}

/** Words with a pattern, noise without one, or a mixture: the same for the same bytes. */
function contentOf(kind: number, length: number, seed: number): string | Uint8Array {
  const generator = new Generator(seed);
  if (kind % 3 === 0) return generator.pick(SENTENCES).repeat(Math.ceil(length / 20));
  if (kind % 3 === 1) return generator.bytes(length);
  return Array.from({ length: Math.ceil(length / 8) }, () => generator.pick(SENTENCES)).join("");
}

export const conversation: Target = {
  name: "deflate-conversation",
  corpus: "conversation",
  check(input, random) {
    const [client, server] = meet(random);
    let compressed = 0;
    for (let at = 0; at + STEP <= input.length; at += STEP) {
      const [action = 0, amount = 0, seed = 0, who = 0] = input.subarray(at, at + STEP);
      const [sender, receiver] = who % 2 === 0 ? [client, server] : [server, client];
      if (action >= 0xc0) {
        (action % 2 === 0 ? sender : receiver).hibernate();
        continue;
      }
      const content = contentOf(action, amount * LENGTH_FACTOR, seed);
      const message: FrameLike = typeof content === "string" ? text(content) : content;
      const compress = ([undefined, undefined, true, false] as const)[(action >> 4) % 4];
      assert.equal(sender.encode(message, compress === undefined ? {} : { compress }), undefined);
      if (action % 5 === 0) sender.encode(ping("p"));
      const bytes = sender.take() as Uint8Array;
      if (((bytes[0] as number) & 0x40) !== 0) compressed++;
      const heard = cutAt(bytes, drawCuts(random, bytes.length)).flatMap((chunk) => [...receiver.receive(chunk)]);
      const expected = typeof content === "string" ? text(content) : { type: "binary", data: content };
      assert.deepEqual(heard[0], expected);
      assert.equal(heard.length, action % 5 === 0 ? 2 : 1);
      receiver.take();
    }
    client.close();
    server.close();
    return `${compressed}`;
  },
};
