/** The decoder of one role beside the engine of Python's `websockets`, which shares neither code nor language with it. */
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Role } from "../../src/protocol/decoder.ts";
import type { ProtocolEvent } from "../../src/protocol/event.ts";
import { FRAME_MUTATORS } from "../fuzz/frame-mutation.ts";
import type { Target } from "../fuzz/target.ts";
import { drawCuts } from "../fuzz/targets/decoder.ts";
import { eventsOf } from "../protocol/decoding.ts";
import { agree, type Opinion, type Other, onlyControl } from "../protocol/second-opinion.ts";
import { startPython } from "./python.ts";

const PYTHON: Other = {
  name: "Python's websockets",
  differences: [
    {
      endings: [
        "reserved_bits",
        "reserved_opcode",
        "masked_frame",
        "unmasked_frame",
        "control_fragmented",
        "unexpected_continuation",
        "expected_continuation",
        "close_payload_length",
        "message_too_long",
      ],
      section: "§7.1.7",
      why: "a header is judged as it comes; Python waits for two bytes, for most rules for the payload, and asks for the size first",
      holds: ({ closeCode }, more) =>
        more.length === 0 && (closeCode === undefined || closeCode === 1009 || closeCode === 1002),
    },
    {
      endings: ["invalid_utf8"],
      section: "§8.1, §5.6",
      why: "text is judged as it comes, not when its frame ends; until then Python has found nothing, or the frame's size",
      holds: ({ closeCode }, more) => onlyControl(more) && closeCode !== 1007,
    },
    {
      endings: ["non_minimal_length", "control_too_long"],
      section: "§5.2",
      why: "the minimal number of bytes MUST be used for a length; Python takes any form, of a control frame's length too",
      holds: () => true,
    },
    {
      endings: ["length_top_bit"],
      section: "§5.2",
      why: "the most significant bit MUST be 0: an error of the protocol, where Python sees a size that is too big",
      holds: ({ closeCode }, more) => more.length === 0 && closeCode === 1009,
    },
    {
      endings: ["too_many_fragments"],
      section: "§7.4.1",
      why: "Python has no limit for them",
      holds: () => true,
    },
    {
      endings: ["close_code"],
      section: "§7.4, §8.1",
      why: "the code is judged before the reason, of which Python asks first whether it is UTF-8",
      holds: ({ closeCode }, more) => more.length === 0 && closeCode === 1007,
    },
    {
      endings: ["close"],
      section: "§5.4",
      why: "control frames MAY come between fragments, and a close frame is one; Python fails the connection that it closes",
      holds: ({ closeCode }) => closeCode === 1002,
    },
  ],
};

const LIMITS = { maxMessageSize: 1 << 20, maxFragments: 1024 };

type Answer = {
  readonly events: readonly (readonly [type: string, first?: string | number, second?: string])[];
  readonly code: number | null;
};

function opinionOf({ events, code }: Answer): Opinion {
  const read = events.map(([type, first, second]): ProtocolEvent => {
    if (type === "text") return { type, data: first as string };
    if (type === "close")
      return first === undefined ? { type } : { type, code: first as number, reason: second as string };
    return { type: type as "binary", data: new Uint8Array(Buffer.from(first as string, "hex")) };
  });
  return code === null ? { events: read } : { events: read, closeCode: code };
}

/** One Python for all that a target asks; it is started with the first question. */
function interpreter(role: Role) {
  const start = () => {
    const child = startPython("websockets-frames.py", []);
    return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
  };
  let running: ReturnType<typeof start> | undefined;
  return {
    async ask(stream: Uint8Array): Promise<Opinion> {
      running ??= start();
      const head = Buffer.alloc(5);
      head.writeUInt8(role === "client" ? 0 : 1);
      head.writeUInt32BE(stream.length, 1);
      running.child.stdin.write(Buffer.concat([head, stream]));
      const { value, done } = await running.lines.next();
      if (done) throw new Error("Python has ended: see what it said above.");
      return opinionOf(JSON.parse(value) as Answer);
    },
    async end(): Promise<void> {
      if (running === undefined) return;
      const { child } = running;
      running = undefined;
      child.stdin.end();
      if (child.exitCode === null) await once(child, "close");
    },
  };
}

export function besidePython(role: Role): Target {
  const python = interpreter(role);
  return {
    name: `${role}-decoder-beside-python`,
    corpus: `to-${role}`,
    mutators: FRAME_MUTATORS,
    async check(input, random) {
      const opinion = await python.ask(input);
      const read = (chunks: readonly Uint8Array[]) => eventsOf(chunks, { role, ...LIMITS });
      agree(input, drawCuts(random, input.length), read, PYTHON, opinion);
      return `${opinion.events.map(({ type }) => type).join(" ")} ${opinion.closeCode ?? ""}`;
    },
    end: () => python.end(),
  };
}
