/** The requirements of RFC 6455 §7 and §10: closing, close codes, coming back, and what protects either end. */
import { type Section, testsIn } from "./requirement.ts";

const closing = testsIn("test/conformance/closing.test.ts");
const codes = testsIn("test/conformance/close-codes.test.ts");
const handshake = testsIn("test/conformance/handshake.test.ts");
const masking = testsIn("test/conformance/masking.test.ts");
const decoder = testsIn("test/protocol/decoder.test.ts");
const engine = testsIn("test/protocol/engine.test.ts");
const differential = testsIn("test/protocol/differential.test.ts");
const encoder = testsIn("test/protocol/encoder.test.ts");
const channel = testsIn("test/transport/http1-channel-ends.test.ts");
const parting = testsIn("test/transport/parting.test.ts");
const http1 = testsIn("test/transport/http1.test.ts");
const backoff = testsIn("test/fresh/backoff.test.ts");
const callbacks = testsIn("test/fresh/callbacks.test.ts");
const connection = testsIn("test/fresh/connection.test.ts");
const errors = testsIn("test/fresh/errors.test.ts");
const inbox = testsIn("test/fresh/inbox.test.ts");
const sending = testsIn("test/fresh/sending.test.ts");
const stopping = testsIn("test/fresh/stop-and-crash.test.ts");
const peer = testsIn("test/testing/peer.test.ts");
const stream = testsIn("test/testing/frame-stream.test.ts");

const SERVER_ENDS_TCP = peer("by itself the server answers pings and echoes a close, then ends TCP");
const SERVER_REFUSES = handshake("the test server, asked for a WebSocket, > answers … to a request …, and ends TCP");
const CLIENT_WAITS = [
  closing("the server closes > and the client leaves it to the server to end TCP, then ends it too"),
  closing("the client closes > and waits for the server to end TCP, though it has its answer"),
];
const STAYS = callbacks(
  "a module without callbacks stays connected, answers pings, and comes back after a close and after an error",
);
const NO_BAD_CODE_SENT = [
  codes("a close code that may not travel > can't be sent, and the connection stays open: …"),
  codes("a close code that may not travel > is refused with 1002 in both roles: …"),
  codes("a close code that may not travel > fails a whole connection with 1002, and is no disconnect: …"),
];
const FAILS_WITH_A_CODE = [
  engine("violations > are answered with … and a few words (…)"),
  errors("a server that breaks the protocol is decoding_failed, and is told so with the close code"),
];

export const CLOSING: readonly Section[] = [
  {
    section: "7.1.1",
    title: "Close the WebSocket connection",
    requirements: [
      {
        level: "SHOULD",
        binds: "both",
        rule: "TCP, and TLS, are ended cleanly, and what still comes is read and dropped.",
        tests: [
          channel("what still comes after the end is dropped, be it ever so much"),
          parting("a socket lingers until the peer ends it, whichever way it treats half-open connections"),
        ],
      },
      {
        level: "SHOULD",
        binds: "server",
        rule: "The server ends TCP first, and at once.",
        tests: [SERVER_ENDS_TCP],
      },
      {
        level: "SHOULD",
        binds: "client",
        rule: "The client waits for the server to end TCP.",
        tests: CLIENT_WAITS,
        note: "After a violation, an abnormal case, the client ends its side first, as the section allows: decision 0014.",
      },
    ],
  },
  {
    section: "7.1.2",
    title: "Start the closing handshake",
    requirements: [
      {
        level: "MUST",
        binds: "both",
        rule: "A close frame is sent with the given code and reason.",
        tests: [
          codes(
            "a close code that may travel > can be sent by either role, and by a connection, whose server gets it: …",
          ),
          sending("Fresh.close closes with 1000 and no reason unless told otherwise"),
        ],
      },
      {
        level: "SHOULD",
        binds: "both",
        rule: "After both close frames the connection is closed.",
        tests: [SERVER_ENDS_TCP, ...CLIENT_WAITS],
      },
    ],
  },
  {
    section: "7.1.5",
    title: "Close code and reason",
    requirements: [
      {
        level: "must",
        binds: "both",
        rule: "They are those of the first close frame received. Without a code there is none (1005), without a close frame neither (1006).",
        tests: [
          closing("the client closes > and is told the server's code and reason, whatever its own were"),
          closing(
            "the server closes > and what follows its close frame is ignored: messages, pings, violations, a second close",
          ),
          codes(
            "the payload of a close frame > may be empty: then it is echoed empty, and there is neither code nor reason",
          ),
          closing(
            "TCP ends without a close frame > and that is an error, not a disconnect, and nothing unfinished is delivered: …",
          ),
        ],
        note: "1005 is undefined in handleDisconnect, 1006 an error or, once we have sent a close frame, undefined too.",
      },
    ],
  },
  {
    section: "7.1.7",
    title: "Fail the WebSocket connection",
    requirements: [
      {
        level: "MUST",
        binds: "both",
        rule: "The connection is ended.",
        tests: [
          closing(
            "the server breaks the protocol > and the client ends TCP behind its close frame, without waiting for closeTimeout or an answer",
          ),
          closing("the server breaks the protocol > and never ends TCP: the client is gone after closeTimeout"),
          peer("by itself the server answers a violation with its close code, then ends TCP"),
        ],
      },
      {
        level: "SHOULD",
        binds: "server",
        rule: "The server logs the problem.",
        tests: [stream("limits of the client's messages are kept, and a violation is kept with its reason")],
        note: "The test server keeps it as peer.violation: a log would be in a test's way.",
      },
      {
        level: "SHOULD",
        binds: "both",
        rule: "On an open connection a close frame with a fitting code is sent before.",
        tests: FAILS_WITH_A_CODE,
      },
      {
        level: "MUST NOT",
        binds: "both",
        rule: "Nothing that follows is processed, not even a close frame that answers.",
        tests: [
          closing(
            "the server breaks the protocol > and what follows is not looked at, a close frame included: one error is told",
          ),
          engine("violations > let nothing come after them, whatever is pushed, and nothing ever throws"),
          stream("nothing that follows a close frame or a violation is delivered"),
        ],
      },
      {
        level: "SHOULD NOT",
        binds: "client",
        rule: "The client doesn't close the connection but for such reasons, or when the program says so.",
        tests: [STAYS],
        note: "A link on which nothing comes within pongTimeout of a ping counts as lost; 0 turns that off.",
      },
    ],
  },
  {
    section: "7.2",
    title: "Abnormal closures",
    requirements: [
      {
        level: "MUST",
        binds: "client",
        rule: "7.2.1. In the opening handshake, what has to fail the connection does.",
        tests: [
          handshake("an answer > fails the attempt …"),
          handshake("an answer > that fails the attempt has its connection ended, and no frame goes out"),
        ],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "7.2.1. A transport that is lost fails the connection.",
        tests: [
          closing(
            "TCP ends without a close frame > and that is an error, not a disconnect, and nothing unfinished is delivered: …",
          ),
          errors("a reset is streaming_failed: reset"),
        ],
      },
      {
        level: "MUST",
        binds: "server",
        rule: "7.2.2. A server that aborts the opening handshake ends TCP.",
        tests: [SERVER_REFUSES],
      },
      {
        level: "SHOULD",
        binds: "client",
        rule: "7.2.3. After abnormal closures a client waits before it comes back.",
        tests: [
          backoff("the wait is really waited"),
          backoff("a 101 alone doesn't start the backoff over: a server that accepts and drops isn't hammered"),
        ],
      },
      {
        level: "SHOULD",
        binds: "client",
        rule: "7.2.3. The first wait is drawn at random.",
        tests: [backoff('backoffJitter "full" draws each wait from 0 to the ceiling, the first one too')],
      },
      {
        level: "SHOULD",
        binds: "client",
        rule: "7.2.3. Later waits grow, as with truncated exponential backoff.",
        tests: [backoff('backoffJitter "none" waits initial · factorⁿ, at most max')],
      },
    ],
  },
  {
    section: "7.3",
    title: "Normal closure",
    requirements: [
      {
        level: "SHOULD NOT",
        binds: "client",
        rule: "A client doesn't close at will; if it closes, then by the closing handshake.",
        tests: [
          STAYS,
          stopping(
            "stop() closes cleanly and terminates: handleTerminate is the last callback, handleDisconnect isn't called",
          ),
          connection(
            "reconnect() leaves the server at once: a disconnect without code and reason, then a new attempt without backoff",
          ),
        ],
      },
    ],
  },
  {
    section: "7.4.1",
    title: "Defined status codes",
    requirements: [
      {
        level: "MUST NOT",
        binds: "both",
        rule: "1005, 1006 and 1015 are never sent; received, they break the protocol.",
        tests: NO_BAD_CODE_SENT,
      },
      {
        level: "SHOULD",
        binds: "client",
        rule: "With 1010, the reason lists the extensions that were missing.",
        left: "The library never sends 1010 by itself: a server that declines an extension is taken without it.",
      },
      {
        level: "must",
        binds: "both",
        rule: "The codes that the library sends by itself say what happened: 1002, 1007, 1009, 1000, 1001, 1011.",
        tests: [
          ...FAILS_WITH_A_CODE,
          stopping("stop tells the server 1001 for a shutdown, and 1000 for any other reason"),
          errors("a message longer than maxMessageSize is decoding_failed with 1009, in one frame or in fragments"),
        ],
      },
    ],
  },
  {
    section: "7.4.2",
    title: "Ranges of status codes",
    requirements: [
      {
        level: "must",
        binds: "both",
        rule: "0 to 999 are not used; 1000 to 2999 are the protocol's, defined or not yet; 3000 to 4999 are free to use.",
        tests: [
          ...NO_BAD_CODE_SENT,
          codes("a close code that may travel > is echoed by a whole connection and told to handleDisconnect: …"),
        ],
      },
    ],
  },
];

export const SECURITY: readonly Section[] = [
  {
    section: "10.2",
    title: "Origin considerations",
    requirements: [
      {
        level: "SHOULD",
        binds: "server",
        rule: "A server for certain sites only checks Origin, and answers 403 to others.",
        left: "The test server serves a test. validateRequest gives the origin, and docs/protocol.md says to check it.",
      },
    ],
  },
  {
    section: "10.3",
    title: "Attacks on infrastructure",
    requirements: [
      {
        level: "MUST",
        binds: "client",
        rule: "Each frame has a new mask that those who provide the data can't predict.",
        tests: [
          masking(
            "a frame of every sort > goes out masked from a whole connection, each with a mask of its own, whatever is in it",
          ),
        ],
      },
      {
        level: "must",
        binds: "client",
        rule: "A payload can't be changed once its frame has begun to go out.",
        tests: [
          sending("the caller may change its bytes as soon as send has returned, and they are never changed for it"),
          encoder(
            "masks > copies the caller's bytes when they are encoded: what is written to them later doesn't go out",
          ),
        ],
      },
    ],
  },
  {
    section: "10.4",
    title: "Limits of an implementation",
    requirements: [
      {
        level: "MUST",
        binds: "both",
        rule: "An endpoint protects itself against frames and messages that pass its limits.",
        tests: [
          decoder("limits > refuses a longer one at its header, before a byte of the payload"),
          decoder("limits > names a length beyond 2^53 exactly"),
          decoder("memory > holds for an announced message no more than 64 KiB or eight times what has come"),
          inbox("a message longer than maxMessageSize is refused before memory is taken for it"),
        ],
      },
      {
        level: "SHOULD",
        binds: "both",
        rule: "It limits the size of frames, and of messages put together.",
        tests: [
          decoder("limits > counts all fragments of a message, and each message by itself"),
          errors("a message longer than maxMessageSize is decoding_failed with 1009, in one frame or in fragments"),
          errors("a message in more than maxFragments fragments is decoding_failed with 1009"),
        ],
      },
    ],
  },
  {
    section: "10.6",
    title: "Confidentiality and integrity",
    requirements: [
      {
        level: "MUST",
        binds: "both",
        rule: "TLS is supported.",
        tests: [
          http1("wss: opens to a server whose certificate an authority given in ca has signed"),
          http1("tls: {…} is merged over transportOptions for wss:, and a client certificate is presented"),
        ],
      },
      {
        level: "SHOULD",
        binds: "both",
        rule: "TLS is used.",
        left: "The address decides: wss or ws.",
      },
    ],
  },
  {
    section: "10.7",
    title: "Handling of invalid data",
    requirements: [
      {
        level: "MUST",
        binds: "both",
        rule: "What comes in is always validated.",
        tests: [
          differential(
            "a …'s decoder beside others > gives the messages and verdict of ws for broken streams, but for the differences in the table",
          ),
          engine("violations > let nothing come after them, whatever is pushed, and nothing ever throws"),
        ],
      },
      {
        level: "SHOULD",
        binds: "both",
        rule: "Invalid data on an open connection is answered with a close frame and a fitting code.",
        tests: FAILS_WITH_A_CODE,
      },
      {
        level: "SHOULD",
        binds: "server",
        rule: "Invalid data in the opening handshake is answered with a fitting HTTP status.",
        tests: [SERVER_REFUSES],
      },
    ],
  },
];
