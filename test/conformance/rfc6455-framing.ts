/** The requirements of RFC 6455 §5, §6 and §8: frames, masks, fragments, control frames, messages, UTF-8. */
import { type Section, testsIn } from "./requirement.ts";

const sizes = testsIn("test/conformance/sizes.test.ts");
const fragments = testsIn("test/conformance/fragments.test.ts");
const headers = testsIn("test/conformance/headers.test.ts");
const masking = testsIn("test/conformance/masking.test.ts");
const pings = testsIn("test/conformance/pings.test.ts");
const utf8 = testsIn("test/conformance/utf8.test.ts");
const codes = testsIn("test/conformance/close-codes.test.ts");
const closing = testsIn("test/conformance/closing.test.ts");
const decoder = testsIn("test/protocol/decoder.test.ts");
const encoder = testsIn("test/protocol/encoder.test.ts");
const engine = testsIn("test/protocol/engine.test.ts");
const mask = testsIn("test/protocol/mask.test.ts");
const differential = testsIn("test/protocol/differential.test.ts");
const sending = testsIn("test/fresh/sending.test.ts");
const semantics = testsIn("test/fresh/semantics.test.ts");
const peer = testsIn("test/testing/peer.test.ts");

const EVERY_FIRST_BYTE = headers("every first byte > is taken or refused as RFC 6455 §5.2 has it, in both roles");
const RESERVED_BITS = "a reserved bit, without an extension that gives it a meaning, >";
const EVERY_FRAME_MASKED = masking(
  "a frame of every sort > goes out masked from a whole connection, each with a mask of its own, whatever is in it",
);
const EVERY_CUT = [
  fragments("a fragmented message > reaches a … whole, cut in every way, with empty fragments anywhere, and …"),
  fragments(
    "a fragmented message > passes to the module of a whole connection, cut in every way, with pings between that are answered at once, …",
  ),
];
const CONTROL_WITHOUT_FIN = [
  headers("a control frame without FIN > is refused at its first byte in both roles, between fragments as well: …"),
  headers("a control frame without FIN > fails a whole connection with 1002, whatever continues it: …"),
];
const BROKEN_UTF8 = [
  utf8(
    "a text with a byte that no ending makes good > is refused at that byte in both roles, in an unfinished frame and at every cut: …",
  ),
  utf8(
    "a text with a byte that no ending makes good > fails a whole connection with 1007 before the frame is whole: …",
  ),
  utf8("a text that ends inside a code point > is refused in both roles when its last frame ends, and no sooner: …"),
];
const SENT_FORMS = [
  encoder("frames on the wire > writes the shortest length for text and binary of … bytes"),
  encoder("encode, then decode > is identity for what a … sends, frame by frame and in one batch"),
];

export const FRAMES: readonly Section[] = [
  {
    section: "5.1",
    title: "Overview",
    requirements: [
      {
        level: "MUST",
        binds: "client",
        rule: "Every frame that is sent is masked, over TLS too.",
        tests: [EVERY_FRAME_MASKED, masking("a frame of every sort > that a client sends is …, its answers too")],
      },
      {
        level: "MUST",
        binds: "server",
        rule: "A frame that is not masked ends the connection; 1002 may say so.",
        tests: [
          headers("the mask bit > that is wrong for the role is refused at its byte: on the opcode …"),
          decoder("headers > refuses an unmasked frame as a server, at the second byte"),
          peer("by itself the server answers a violation with its close code, then ends TCP"),
        ],
      },
      {
        level: "MUST NOT",
        binds: "server",
        rule: "No frame that is sent is masked.",
        tests: [
          masking("a frame of every sort > that a server sends is …, its answers too"),
          encoder("frames on the wire > doesn't mask as a server"),
        ],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "A masked frame ends the connection; 1002 may say so.",
        tests: [
          headers("the mask bit > that is wrong for the role is refused at its byte: on the opcode …"),
          headers("the mask bit > fails a whole connection with 1002 when the server masks: the opcode …"),
        ],
      },
    ],
  },
  {
    section: "5.2",
    title: "Base framing protocol",
    requirements: [
      {
        level: "MUST",
        binds: "both",
        rule: "RSV1, RSV2 and RSV3 are sent as 0 unless an extension says otherwise.",
        tests: SENT_FORMS,
      },
      {
        level: "MUST",
        binds: "both",
        rule: "A reserved bit that no extension gives a meaning fails the connection.",
        tests: [
          headers(`${RESERVED_BITS} is refused at its byte on every opcode, in both roles: …`),
          headers(`${RESERVED_BITS} fails a whole connection with 1002: … on the opcode …`),
          EVERY_FIRST_BYTE,
        ],
      },
      {
        level: "MUST",
        binds: "both",
        rule: "An unknown opcode (3 to 7, 0xB to 0xF) fails the connection.",
        tests: [
          headers(
            "a reserved opcode > is refused at its byte in both roles, with and without FIN, wherever it comes: …",
          ),
          headers("a reserved opcode > fails a whole connection with 1002, with a payload or without: …"),
          EVERY_FIRST_BYTE,
        ],
      },
      {
        level: "must",
        binds: "both",
        rule: "The length is in 7 bits up to 125, in 16 behind 126, in 64 behind 127, in network byte order.",
        tests: [
          sizes(
            "a message of any size > of … bytes of … reaches a … whole, in one piece, in pieces of 997 bytes and byte by byte",
          ),
          sizes("a message of any size > passes through a whole connection both ways, from the server in …"),
        ],
      },
      {
        level: "MUST",
        binds: "both",
        rule: "The top bit of a 64-bit length is 0.",
        tests: [
          decoder("headers > refuses a 64-bit length with its top bit set"),
          encoder("frames on the wire > writes the shortest length for text and binary of … bytes"),
        ],
      },
      {
        level: "MUST",
        binds: "both",
        rule: "A length is sent in its shortest form.",
        tests: [encoder("frames on the wire > writes the shortest length for text and binary of … bytes")],
      },
      {
        level: "MUST",
        binds: "both",
        rule: "A length that came in a longer form breaks the protocol.",
        tests: [
          sizes("a length that is not in its shortest form > is refused by a … as soon as it is complete: … in …"),
          sizes("a length that is not in its shortest form > fails a whole connection with 1002: … in …"),
        ],
      },
    ],
  },
  {
    section: "5.3",
    title: "Client-to-server masking",
    requirements: [
      {
        level: "MUST",
        binds: "client",
        rule: "A masked frame says so in its mask bit, and holds its mask.",
        tests: [encoder("frames on the wire > masks the Hello of RFC 6455 §5.7"), EVERY_FRAME_MASKED],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "Each frame has a fresh mask.",
        tests: [encoder("masks > takes a fresh mask for each frame"), EVERY_FRAME_MASKED],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "Masks come from a strong source of entropy, and none tells of the next.",
        tests: [EVERY_FRAME_MASKED, mask("randomMask > gives 32 bits each time, and doesn't repeat itself")],
        note: "They come from the platform's cryptographic source.",
      },
      {
        level: "must",
        binds: "both",
        rule: "Byte i of a frame's payload is masked with byte i mod 4 of its mask.",
        tests: [
          mask(
            "applyMask > does what the RFC's formula does for every length, place and phase, and leaves what stands before alone",
          ),
          decoder("messages > starts the mask afresh with each fragment"),
        ],
      },
    ],
  },
  {
    section: "5.4",
    title: "Fragmentation",
    requirements: [
      { level: "MUST NOT", binds: "both", rule: "A control frame is not fragmented.", tests: CONTROL_WITHOUT_FIN },
      {
        level: "MUST",
        binds: "both",
        rule: "Fragments are delivered in the order in which they were sent.",
        tests: [
          ...EVERY_CUT,
          fragments("a fragmented message > reaches a … whole in 1 to 1024 fragments of equal size"),
        ],
      },
      {
        level: "MUST NOT",
        binds: "both",
        rule: "Fragments of several messages are not mixed: no message begins inside another, and no continuation stands by itself.",
        tests: [
          fragments(
            "a frame that belongs to no message, or breaks into one > is refused at its first byte in both roles: …",
          ),
          fragments(
            "a frame that belongs to no message, or breaks into one > fails a whole connection with 1002 at its first byte: …",
          ),
        ],
      },
      {
        level: "MUST",
        binds: "both",
        rule: "Control frames are handled in the middle of a fragmented message.",
        tests: [
          ...EVERY_CUT,
          pings("a ping > is answered between chops of a message's fragment, as soon as it is whole"),
          closing(
            "the server closes > in the middle of a fragmented message: the message is dropped, the close frame counts",
          ),
        ],
      },
      {
        level: "MUST",
        binds: "both",
        rule: "Messages are taken in one frame and in fragments, empty ones too.",
        tests: [
          ...EVERY_CUT,
          fragments("a fragmented message > that is empty reaches a … as an empty message, in any number of fragments"),
        ],
      },
      {
        level: "MUST",
        binds: "both",
        rule: "All fragments are of the type that the first one's opcode says.",
        tests: [fragments("a fragmented message > is followed by other messages, each by itself, at a …")],
      },
      {
        level: "must",
        binds: "both",
        rule: "Nothing depends on where frames, or reads, are cut.",
        tests: [
          decoder("splits > gives a … the same events for every split of the bytes, valid or not"),
          differential(
            "a …'s decoder beside others > gives the messages and verdict of ws for valid streams in any split",
          ),
        ],
      },
    ],
  },
];

export const CONTROL_FRAMES: readonly Section[] = [
  {
    section: "5.5",
    title: "Control frames",
    requirements: [
      {
        level: "MUST",
        binds: "both",
        rule: "A control frame has 125 bytes at the most.",
        tests: [
          pings(
            "a control frame of more than 125 bytes > is refused at its second byte in both roles, whatever length it announces: …",
          ),
          pings("a control frame of more than 125 bytes > fails a whole connection with 1002, and is not answered: …"),
          encoder("frames on the wire > takes a ping of 125 bytes and a close reason of 123"),
          encoder("faults > answers … for …, and writes nothing"),
        ],
      },
      { level: "MUST NOT", binds: "both", rule: "A control frame is not fragmented.", tests: CONTROL_WITHOUT_FIN },
    ],
  },
  {
    section: "5.5.1",
    title: "Close",
    requirements: [
      {
        level: "MUST",
        binds: "both",
        rule: "The payload is empty, or begins with a code of two bytes; the reason behind it is UTF-8.",
        tests: [
          codes(
            "the payload of a close frame > may be empty: then it is echoed empty, and there is neither code nor reason",
          ),
          codes(
            "the payload of a close frame > may not be one byte: that is refused at the second byte of its header, with 1002",
          ),
          codes(
            "the payload of a close frame > may be two bytes to 125: a code and up to 123 bytes of reason, echoed whole",
          ),
          utf8("what is no UTF-8 > is refused with 1007 as a close reason, in both roles"),
          utf8("what is no UTF-8 > fails a whole connection with 1007 as a close reason, and no disconnect is told"),
          utf8("a close reason of valid UTF-8 > is echoed and told as it came, each sample, in both roles"),
        ],
      },
      {
        level: "MUST NOT",
        binds: "client",
        rule: "The reason is not shown to end users.",
        left: "It goes to handleDisconnect and the log; what a user sees is the program's.",
      },
      {
        level: "must",
        binds: "client",
        rule: "A close frame is masked as all frames are.",
        tests: [masking("a frame of every sort > that a client answers by itself is …: echo and complaint")],
      },
      {
        level: "MUST NOT",
        binds: "both",
        rule: "No data frame is sent behind a close frame.",
        tests: [
          closing(
            "the client closes > and sends nothing behind its close frame but the pong that a ping asks for: no message, no second close",
          ),
          engine("the closing handshake > lets nothing follow our close frame (RFC 6455 §5.5.1)"),
          sending("while closing, sends wait for the next open"),
        ],
      },
      {
        level: "MUST",
        binds: "both",
        rule: "A close frame is answered with one, unless one was sent before; it echoes the code.",
        tests: [
          codes("a close code that may travel > is echoed with its reason and told, in both roles: …"),
          codes("a close code that may travel > is echoed by a whole connection and told to handleDisconnect: …"),
          closing("both close at once > and each sends one close frame; the client is told the server's"),
          engine("the closing handshake > sends no second close frame when the peer answers ours"),
        ],
      },
      {
        level: "SHOULD",
        binds: "both",
        rule: "The answer is sent as soon as practical.",
        tests: [
          closing("the server closes > and what came before its close frame is handled before it, …"),
          engine("the closing handshake > echoes under congestion too"),
        ],
      },
      {
        level: "MUST",
        binds: "both",
        rule: "After both close frames TCP is ended: by the server at once.",
        tests: [peer("by itself the server answers pings and echoes a close, then ends TCP")],
      },
      {
        level: "SHOULD",
        binds: "client",
        rule: "The client waits for the server to end TCP, though not for ever.",
        tests: [
          closing("the server closes > and the client leaves it to the server to end TCP, then ends it too"),
          closing("the client closes > and waits for the server to end TCP, though it has its answer"),
          closing("the server closes > and never ends TCP: the client does after closeTimeout"),
        ],
      },
      {
        level: "must",
        binds: "both",
        rule: "If both close at once, both have sent and received a close frame, and the connection is closed.",
        tests: [closing("both close at once > and each sends one close frame; the client is told the server's")],
      },
    ],
  },
  {
    section: "5.5.2",
    title: "Ping",
    requirements: [
      {
        level: "MUST",
        binds: "both",
        rule: "A ping is answered with a pong, unless a close frame was received before.",
        tests: [
          pings("a ping > of every size from 0 to 125 bytes is answered by a … with its payload, in any pieces"),
          pings("a ping > of every size from 0 to 125 bytes is answered by a whole connection, in order"),
          pings("a ping > is answered each time when ten come in a row, …"),
          closing(
            "the server closes > and what follows its close frame is ignored: messages, pings, violations, a second close",
          ),
        ],
      },
      {
        level: "MUST",
        binds: "both",
        rule: "That holds also for a ping that comes after one's own close frame and before the peer's.",
        tests: [
          engine("pings > are answered after our close frame too, until the peer's has come (RFC 6455 §5.5.2)"),
          closing(
            "the client closes > and sends nothing behind its close frame but the pong that a ping asks for: no message, no second close",
          ),
        ],
      },
      {
        level: "SHOULD",
        binds: "both",
        rule: "The pong is sent as soon as practical.",
        tests: [
          pings("a ping > is answered between chops of a message's fragment, as soon as it is whole"),
          semantics("a ping is answered while a callback's promise is pending"),
          engine("pings > are answered with a pong of the same payload before the event is given"),
        ],
      },
    ],
  },
  {
    section: "5.5.3",
    title: "Pong",
    requirements: [
      {
        level: "must",
        binds: "both",
        rule: "A pong has the payload of its ping.",
        tests: [
          pings("a ping > of every size from 0 to 125 bytes is answered by a … with its payload, in any pieces"),
          engine("pings > are answered with what came, whatever the callback does to the bytes it was given meanwhile"),
        ],
      },
      {
        level: "must",
        binds: "both",
        rule: "Of several unanswered pings the newest may be answered alone.",
        tests: [
          engine("pings > are under congestion answered once, with the newest payload, when it ends (RFC 6455 §5.5.3)"),
          semantics("under a flood of pings only the newest pong is kept for a server that doesn't read"),
        ],
      },
      {
        level: "must",
        binds: "both",
        rule: "A pong that nobody asked for is taken, and not answered.",
        tests: [
          pings("a pong that nobody asked for > of every size from 0 to 125 bytes is taken by a … and not answered"),
          pings("a pong that nobody asked for > is told to the module of a whole connection, and nothing goes out"),
        ],
      },
    ],
  },
];

export const MESSAGES: readonly Section[] = [
  {
    section: "5.6",
    title: "Data frames",
    requirements: [
      {
        level: "MUST",
        binds: "both",
        rule: "A whole text message is valid UTF-8; a fragment may end inside a code point.",
        tests: [
          utf8("a text of valid UTF-8 > is taken in both roles, cut anywhere between fragments and chunks: …"),
          utf8(
            "a text of valid UTF-8 > is given to the module of a whole connection as it came, each sample in every cut",
          ),
          ...BROKEN_UTF8,
          encoder("faults > answers … for …, and writes nothing"),
        ],
      },
      {
        level: "must",
        binds: "both",
        rule: "Binary is anything.",
        tests: [utf8("what is no UTF-8 > is nothing to a binary message, in both roles")],
      },
    ],
  },
  {
    section: "5.8",
    title: "Extensibility",
    requirements: [
      {
        level: "MUST",
        binds: "both",
        rule: "Extensions are agreed on in the opening handshake, or not used.",
        tests: [headers(`${RESERVED_BITS} is refused at its byte on every opcode, in both roles: …`)],
      },
    ],
  },
  {
    section: "6.1",
    title: "Sending data",
    requirements: [
      {
        level: "MUST",
        binds: "both",
        rule: "1. A message is sent only while the connection is open; when it ceases to be, sending stops.",
        tests: [
          sending(
            'send answers "queued" while connecting, waiting and idle, and the frames go out at the next open, in order',
          ),
          closing("the server closes > and nothing can be sent any more: a message waits for the next connection"),
          engine("the closing handshake > lets nothing follow the echo"),
        ],
      },
      {
        level: "MUST",
        binds: "both",
        rule: "2 to 5. It goes out in frames: the first with the opcode of its type, the last with FIN, a client's masked.",
        tests: [...SENT_FORMS, encoder("frames on the wire > takes a string for text and a Uint8Array for binary")],
        note: "One frame a message: the library sends no fragments.",
      },
      {
        level: "MUST",
        binds: "both",
        rule: "7. The frames are given to the network.",
        tests: [
          sizes("a message of any size > passes through a whole connection both ways, from the server in …"),
          semantics("the order on the wire is the order of send and reply calls"),
        ],
      },
    ],
  },
  {
    section: "6.2",
    title: "Receiving data",
    requirements: [
      {
        level: "MUST",
        binds: "both",
        rule: "What comes in is read as frames, and control frames are handled as such.",
        tests: [
          EVERY_FIRST_BYTE,
          differential(
            "a …'s decoder beside others > gives the messages, the verdict and the reason of the reference decoder for broken streams",
          ),
        ],
      },
      {
        level: "MUST",
        binds: "both",
        rule: "The first frame's opcode is the type of the message, and all its fragments together are its data.",
        tests: EVERY_CUT,
      },
      {
        level: "MUST",
        binds: "both",
        rule: "Data frames behind a finished message belong to a new one.",
        tests: [fragments("a fragmented message > is followed by other messages, each by itself, at a …")],
      },
      {
        level: "MUST",
        binds: "server",
        rule: "The mask is removed.",
        tests: [
          decoder("messages > reads the masked text of RFC 6455 §5.7 as a server"),
          sizes(
            "a message of any size > of … bytes of … reaches a … whole, in one piece, in pieces of 997 bytes and byte by byte",
          ),
        ],
      },
    ],
  },
  {
    section: "8.1",
    title: "Errors in UTF-8",
    requirements: [
      {
        level: "MUST",
        binds: "both",
        rule: "What should be UTF-8 and isn't fails the connection; here at its first bad byte, wherever frames and reads are cut.",
        tests: [
          ...BROKEN_UTF8,
          utf8(
            "a text with a byte that no ending makes good > fails a whole connection with 1007 at that byte, whatever stands before it and however it is cut",
          ),
          utf8("a text that ends inside a code point > fails a whole connection with 1007: …"),
        ],
      },
      {
        level: "MUST",
        binds: "both",
        rule: "That holds in the opening handshake as well.",
        left: "No part of it is read as UTF-8: header fields are bytes, and are given as Latin-1, as HTTP has it.",
      },
    ],
  },
];
