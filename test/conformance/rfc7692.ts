/** The requirements of RFC 7692: extensions that compress each message by itself, and permessage-deflate. */
import { type Section, testsIn } from "./requirement.ts";

const receiving = testsIn("test/conformance/deflate-receiving.test.ts");
const sending = testsIn("test/conformance/deflate-sending.test.ts");
const agreeing = testsIn("test/conformance/deflate-negotiation.test.ts");
const negotiation = testsIn("test/protocol/negotiation.test.ts");
const stack = testsIn("test/protocol/extension-stack.test.ts");
const permessageDeflate = testsIn("test/protocol/deflate/permessage-deflate.test.ts");
const parameters = testsIn("test/protocol/deflate/parameters.test.ts");
const options = testsIn("test/protocol/deflate/options.test.ts");
const deflater = testsIn("test/protocol/deflate/deflater.test.ts");
const inflater = testsIn("test/protocol/deflate/inflater.test.ts");
const client = testsIn("test/fresh/compression.test.ts");

const FAILS = (name: string) => agreeing(`the answer to an offer of permessage-deflate > fails the attempt ${name}`);
const OPENS = (name: string) => agreeing(`the answer to an offer of permessage-deflate > opens the connection ${name}`);
const DECLINES = (what: string) =>
  agreeing(
    `a server's answer to an offer of permessage-deflate > declines what it has to, and takes the next offer: ${what}`,
  );
const RSV1 = "RSV1, with permessage-deflate agreed on, >";
const SENT = "a message that is sent, whatever was agreed on, >";
const RECEIVED = "a compressed message >";
const EVERY_AGREEMENT = sending(
  `${SENT} is marked, compressed within its window, and read by zlib: permessage-deflate…`,
);
const MARKED_FIRST = receiving(
  `${RSV1} may stand on the first frame of a message and nowhere else, and no other bit anywhere, …`,
);
const CUT_ANYWHERE = receiving(
  `${RECEIVED} reaches a … whole, cut into fragments anywhere, empty ones too, with control frames between`,
);
const EXAMPLES = receiving(`${RECEIVED} of RFC 7692's examples is read in both roles and by a whole connection: …`);
const WINDOW_REMEMBERED = [
  receiving(`${RECEIVED} may refer to the ones before it, and plain ones between count for nothing, at a …`),
  receiving(`${RECEIVED} of RFC 7692's examples shares its window with the one before: 7.2.3.2`),
];
const COLLISION = negotiation(
  "a server declines what collides with what it has agreed to, and what is for clients only",
);

export const NEGOTIATION: readonly Section[] = [
  {
    section: "5",
    title: "Negotiating a compression extension",
    requirements: [
      {
        level: "must",
        binds: "both",
        rule: "Offers stand in order of preference, several of one name too, and the server takes one.",
        tests: [
          negotiation("offers stand in order of preference, an entry each, with their parameters"),
          permessageDeflate("of several offers, the answer may be to any (RFC 7692 §5)"),
          negotiation(
            "a server takes the first offer that suits it of each name, in the client's order, and passes over the rest",
          ),
        ],
      },
      {
        level: "must",
        binds: "client",
        rule: "A server that declines is talked to without compression.",
        tests: [client("a server that doesn't take the offer is talked to without compression")],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "An answer that the client can't agree to fails the connection.",
        tests: [
          agreeing("the answer to an offer of permessage-deflate > fails the attempt …"),
          client("an answer that is none to our offer is establishing_failed, with the extension's own words"),
        ],
      },
      {
        level: "MUST NOT",
        binds: "server",
        rule: "No two extensions are agreed to that would collide on RSV1.",
        tests: [COLLISION],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "An answer with two such extensions fails the connection.",
        tests: [
          negotiation(
            "one name twice, two owners of one bit, and bits that there aren't are refused; sessions made so far are ended",
          ),
        ],
      },
      {
        level: "MUST NOT",
        binds: "server",
        rule: "Compression is not agreed to behind an extension that needs its frames' borders kept, or marks single frames.",
        left: "The library has no other extension. With one of the caller's own, frames are handed on as they are marked and cut.",
      },
    ],
  },
];

export const FRAMING: readonly Section[] = [
  {
    section: "6",
    title: "Framing",
    requirements: [
      {
        level: "must",
        binds: "both",
        rule: "RSV1 on the first frame says whether a message is compressed; both kinds may follow each other.",
        tests: [MARKED_FIRST, EVERY_AGREEMENT, ...WINDOW_REMEMBERED],
      },
      {
        level: "must",
        binds: "both",
        rule: "Control frames are never compressed.",
        tests: [
          sending(`${SENT} leaves control frames alone: none is compressed or marked, in either role`),
          stack("control frames are no extension's business, also between the fragments of a message"),
        ],
      },
      {
        level: "must",
        binds: "both",
        rule: "UTF-8 is asked of a text when it has been inflated, not before.",
        tests: [
          receiving(`${RECEIVED} is text only when it has been inflated: UTF-8 is judged there, in both roles`),
          receiving(
            `${RECEIVED} fails a whole connection with 1007 when it is no DEFLATE data, or text that is no UTF-8`,
          ),
        ],
      },
    ],
  },
  {
    section: "6.1",
    title: "Compression",
    requirements: [
      {
        level: "MUST",
        binds: "both",
        rule: "A compressed message goes out as frames of compressed data, the first with RSV1; a plain one without.",
        tests: [EVERY_AGREEMENT, sending(`${SENT} goes through a whole connection both ways, of every size`)],
      },
      {
        level: "MUST NOT",
        binds: "both",
        rule: "RSV1 is not set on control frames, or on a message's later frames.",
        tests: [
          EVERY_AGREEMENT,
          sending(`${SENT} leaves control frames alone: none is compressed or marked, in either role`),
        ],
      },
      {
        level: "MUST",
        binds: "both",
        rule: "Where it stands there all the same, the connection fails.",
        tests: [
          MARKED_FIRST,
          receiving(`${RSV1} fails a whole connection with 1002 on a ping`),
          receiving(`${RSV1} fails a whole connection with 1002 on a pong`),
          receiving(`${RSV1} fails a whole connection with 1002 on a close frame`),
          receiving(`${RSV1} fails a whole connection with 1002 on a continuation of a compressed message`),
          receiving(`${RSV1} fails a whole connection with 1002 on a continuation of a plain message`),
        ],
      },
    ],
  },
  {
    section: "6.2",
    title: "Decompression",
    requirements: [
      {
        level: "MUST",
        binds: "both",
        rule: "The payloads of a compressed message's frames are put together and inflated; a plain message is taken as it is.",
        tests: [
          CUT_ANYWHERE,
          receiving(`${RECEIVED} of … of every size reaches a … as it was, in one frame and in pieces of any size`),
          WINDOW_REMEMBERED[0] as (typeof WINDOW_REMEMBERED)[0],
        ],
      },
    ],
  },
];

export const PERMESSAGE_DEFLATE: readonly Section[] = [
  {
    section: "7.1",
    title: "Parameters of permessage-deflate",
    requirements: [
      {
        level: "MUST",
        binds: "server",
        rule: "An offer is declined that holds a parameter not defined for offers.",
        tests: [DECLINES("foo")],
      },
      {
        level: "MUST",
        binds: "server",
        rule: "An offer is declined that holds an invalid value.",
        tests: [
          DECLINES("server_no_context_takeover=1"),
          DECLINES("server_max_window_bits"),
          DECLINES("server_max_window_bits=16"),
          DECLINES("client_max_window_bits=7"),
        ],
      },
      {
        level: "MUST",
        binds: "server",
        rule: "An offer is declined that holds a parameter twice.",
        tests: [
          DECLINES("server_no_context_takeover; server_no_context_takeover"),
          DECLINES("client_max_window_bits; client_max_window_bits"),
        ],
      },
      {
        level: "MUST",
        binds: "server",
        rule: "An offer is declined that the server doesn't support.",
        tests: [
          agreeing(
            "a server's answer to an offer of permessage-deflate > never names the client's window where the offer doesn't",
          ),
        ],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "An answer fails the connection that holds a parameter not defined for answers.",
        tests: [FAILS("with a parameter that there isn't"), FAILS("with one that there isn't, and a value")],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "An answer fails the connection that holds an invalid value.",
        tests: [
          FAILS("with a value where there is none"),
          FAILS("without a value where there is one"),
          FAILS("without a value where an answer has one"),
          FAILS("with a window too small"),
          FAILS("with a window too large"),
          FAILS("with a leading zero"),
          FAILS("with a fraction"),
          parameters(
            "what the grammar doesn't have is refused: unknown and repeated parameters, missing and surplus values, other numbers",
          ),
        ],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "An answer fails the connection that holds a parameter twice.",
        tests: [FAILS("with a parameter twice"), FAILS("with a number twice")],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "An answer fails the connection that the client doesn't support.",
        tests: [
          FAILS("without the window that was asked for"),
          FAILS("with a larger window than was asked for"),
          FAILS("with takeover that was asked to be none"),
        ],
      },
    ],
  },
  {
    section: "7.1.1",
    title: "Context takeover",
    requirements: [
      {
        level: "must",
        binds: "server",
        rule: "7.1.1.1. An offer with server_no_context_takeover is accepted by an answer with it; an answer may have it anyway.",
        tests: [
          agreeing(
            "a server's answer to an offer of permessage-deflate > names no takeover as the offer has it, and of its own accord",
          ),
          FAILS("with takeover that was asked to be none"),
          OPENS("with parameters of the server's own accord"),
        ],
      },
      {
        level: "RECOMMENDED",
        binds: "server",
        rule: "7.1.1.1. A server supports server_no_context_takeover in an offer.",
        tests: [
          agreeing(
            "a server's answer to an offer of permessage-deflate > names no takeover as the offer has it, and of its own accord",
          ),
          sending(
            `${SENT} is marked, compressed within its window, and read by zlib: permessage-deflate; server_no_context_takeover`,
          ),
        ],
      },
      {
        level: "RECOMMENDED",
        binds: "client",
        rule: "7.1.1.2. A client supports client_no_context_takeover in an answer, offered or not.",
        tests: [
          OPENS("that asks the client for less"),
          sending(
            `${SENT} is marked, compressed within its window, and read by zlib: permessage-deflate; client_no_context_takeover`,
          ),
        ],
      },
      {
        level: "must",
        binds: "client",
        rule: "7.1.1.2. A client that offers client_no_context_takeover keeps to it, whatever the answer says.",
        tests: [
          permessageDeflate("a client agrees to every answer that keeps to its offer"),
          sending(`${SENT} without takeover in the offer is so without it in the answer`),
        ],
      },
    ],
  },
  {
    section: "7.1.2",
    title: "Size of the window",
    requirements: [
      {
        level: "MUST",
        binds: "both",
        rule: "The values are decimal numbers from 8 to 15 without leading zeros; client_max_window_bits has none, or one, in an offer.",
        tests: [
          parameters("each parameter is read in an offer and in an answer, in any order"),
          parameters(
            "client_max_window_bits may stand without a value in an offer, and only there (RFC 7692 §7.1.2.2)",
          ),
          permessageDeflate("the offer holds what the options ask for, and by default what browsers offer"),
        ],
      },
      {
        level: "must",
        binds: "server",
        rule: "7.1.2.1. An offer with server_max_window_bits is accepted by an answer with the same number, or a smaller one; an answer may have it anyway.",
        tests: [
          agreeing(
            "a server's answer to an offer of permessage-deflate > names the server's window as the offer has it, or smaller: …",
          ),
          OPENS("with a smaller window than was asked for"),
          OPENS("with parameters of the server's own accord"),
        ],
      },
      {
        level: "must",
        binds: "client",
        rule: "7.1.2.2. A client that offers a number for its window keeps to it, whatever the answer says.",
        tests: [OPENS("without the client's window, which it keeps to all the same")],
        note: "An answer with a larger number than was offered is refused, as by other clients.",
      },
      {
        level: "MUST NOT",
        binds: "server",
        rule: "7.1.2.2. The answer doesn't name client_max_window_bits where the offer doesn't.",
        tests: [
          agreeing(
            "a server's answer to an offer of permessage-deflate > never names the client's window where the offer doesn't",
          ),
          FAILS("with a window for the client that didn't offer it"),
        ],
      },
    ],
  },
  {
    section: "7.2.1",
    title: "Compression with DEFLATE",
    requirements: [
      {
        level: "must",
        binds: "both",
        rule: "A message is compressed, ends in an empty block without compression, and goes out without that one's last four bytes.",
        tests: [EVERY_AGREEMENT],
      },
      {
        level: "MUST",
        binds: "both",
        rule: "A block with BFINAL that ends inside a byte is padded with 0.",
        left: "No block that is sent has BFINAL. Such blocks are read: §7.2.2.",
      },
      {
        level: "MUST NOT",
        binds: "both",
        rule: "The four bytes are not taken off a fragment that is not the last.",
        left: "The library sends each message in one frame.",
      },
      {
        level: "MUST NOT",
        binds: "both",
        rule: "The window for compressing is not larger than 32 KiB.",
        tests: [
          EVERY_AGREEMENT,
          options("an option that can't be taken throws a TypeError that names it and what it takes"),
        ],
      },
      {
        level: "MUST",
        binds: "both",
        rule: "With one's own no_context_takeover, each message is compressed with an empty window.",
        tests: [
          EVERY_AGREEMENT,
          deflater(
            "…: without takeover what would be no shorter stays as it is, and messages know nothing of each other",
          ),
        ],
      },
      {
        level: "MUST NOT",
        binds: "both",
        rule: "With one's own max_window_bits, no larger window is used for compressing.",
        tests: [
          EVERY_AGREEMENT,
          deflater(
            "…: nothing refers back by more than 256 bytes where 8 window bits are agreed on, although zlib works with 9",
          ),
        ],
      },
    ],
  },
  {
    section: "7.2.2",
    title: "Decompression with DEFLATE",
    requirements: [
      {
        level: "must",
        binds: "both",
        rule: "The four bytes are put back, and all is inflated: blocks of every type, several, empty ones, such with BFINAL.",
        tests: [
          EXAMPLES,
          inflater("…: the examples of RFC 7692 §7.2.3"),
          inflater("…: a block with BFINAL may stand inside a message, and be split from what follows"),
          inflater("…: of any bytes it makes what DEFLATE by the book makes, or a fault"),
        ],
      },
      {
        level: "MUST",
        binds: "both",
        rule: "Unless the other end's no_context_takeover was agreed on, its messages are inflated with the window of those before.",
        tests: [
          ...WINDOW_REMEMBERED,
          inflater("…: the window outlives a block with BFINAL, whether the empty block behind it is there or not"),
          client("context takeover survives hibernation on both halves"),
        ],
      },
      {
        level: "MUST",
        binds: "both",
        rule: "Unless the other end's max_window_bits was agreed on, its messages are inflated with a window of 32 KiB.",
        tests: [
          sending(`${SENT} is understood by the other end, both ways: permessage-deflate…`),
          inflater("…: any messages, in any fragments, come out as they went in, for each size of window"),
        ],
      },
      {
        level: "must",
        binds: "both",
        rule: "What can't be inflated fails the connection, and what becomes too large does.",
        tests: [
          receiving(
            `${RECEIVED} may not refer beyond the agreed window or takeover, or be no DEFLATE data, at a …: 1007`,
          ),
          receiving(`${RECEIVED} of more than maxMessageSize, as it was before, ends the connection of a … with 1009`),
          client("300 MB that came as 300 KB cost the process no more than maxMessageSize and a few hundred KB"),
        ],
      },
    ],
  },
  {
    section: "8",
    title: "Security considerations",
    requirements: [
      {
        level: "must",
        binds: "both",
        rule: "Compression beside encryption can give secrets away by lengths; care is to be taken.",
        tests: [
          client(
            "what was compressed takes fewer bytes on the wire, both ways, and `compress: false` leaves a message as it is",
          ),
        ],
        note: "Compression is off unless asked for, and docs/extensions.md says what to leave out of it.",
      },
    ],
  },
];
