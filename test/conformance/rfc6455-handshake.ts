/** The requirements of RFC 6455 §3, §4, §9 and §11: addresses, the opening handshake, extensions, header fields. */
import { type Section, testsIn } from "./requirement.ts";

const handshake = testsIn("test/conformance/handshake.test.ts");
const clientSide = testsIn("test/protocol/handshake-client.test.ts");
const serverSide = testsIn("test/protocol/handshake-server.test.ts");
const key = testsIn("test/protocol/handshake-key.test.ts");
const fields = testsIn("test/protocol/header-field.test.ts");
const address = testsIn("test/transport/address.test.ts");
const uri = testsIn("test/connection/uri.test.ts");
const dial = testsIn("test/transport/dial.test.ts");
const http1 = testsIn("test/transport/http1.test.ts");
const failures = testsIn("test/transport/http1-failures.test.ts");
const refused = testsIn("test/transport/http1-refused.test.ts");
const headers = testsIn("test/transport/http1-headers.test.ts");
const redirect = testsIn("test/transport/redirect.test.ts");
const upgrade = testsIn("test/transport/upgrade-request.test.ts");
const validation = testsIn("test/fresh/validation.test.ts");
const server = testsIn("test/testing/test-server.test.ts");
const peer = testsIn("test/testing/peer.test.ts");
const scripts = testsIn("test/testing/scripts.test.ts");

const WRONG = (name: string) => handshake(`an answer > fails the attempt ${name}`);
const REFUSES = (name: string) =>
  handshake(`the test server, asked for a WebSocket, > answers … to a request ${name}, and ends TCP`);
const REQUEST = handshake(
  "the client's request > is a GET over HTTP/1.1 with each field of the handshake once, and no other of it",
);
const ASCII = handshake(
  "the client's request > asks for path and query, never for the fragment, and has what is not ASCII in its ASCII form",
);
const CHOOSES_NOTHING = handshake(
  "the test server, asked for a WebSocket, > chooses no subprotocol and no extension by itself, and of each field sends one",
);
const PLAIN_101 = peer("a plain accept() is a right 101, byte for byte");

export const ADDRESSES: readonly Section[] = [
  {
    section: "3",
    title: "WebSocket URIs",
    requirements: [
      {
        level: "MUST NOT",
        binds: "client",
        rule: "A fragment has no meaning and is not used.",
        tests: [ASCII, address("userinfo and fragment are in no part of what is made of an address")],
        note: "An address with a fragment is taken, and the fragment left out.",
      },
      {
        level: "MUST",
        binds: "client",
        rule: 'A "#" that begins no fragment is escaped as %23.',
        left: 'The address is parsed as a URL, where an unescaped "#" always begins the fragment: writing %23 is the caller\'s part.',
      },
      {
        level: "must",
        binds: "client",
        rule: "The port is 80 for ws and 443 for wss unless given; the scheme's case doesn't matter; the resource name is \"/\" or the path, then the query.",
        tests: [
          address(
            "host, port, Host header and label come from the address, the scheme's own port left out of the header",
          ),
          address("path and query are asked for as they stand; without a path it is /"),
          uri("WS://HOST is taken as ws://host/"),
        ],
      },
    ],
  },
];

export const OPENING: readonly Section[] = [
  {
    section: "4.1",
    title: "Client requirements",
    requirements: [
      {
        level: "MUST",
        binds: "client",
        rule: "To establish a connection, open one, send the opening handshake, and read the server's.",
        tests: [handshake("a module without options opens to a server that keeps to the RFC, through Fresh.start")],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "Connect: step 1. The address is valid, or the connection fails.",
        tests: [
          validation("start refuses the uri …"),
          uri("… is refused with what an address looks like"),
          address("another scheme, or a ws+unix: without a socket, is no address of ours"),
        ],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "Connect: step 2. Of several connections to one IP address, no more than one is connecting at a time; the others wait.",
        departs:
          "The rule keeps scripts of web pages from flooding a server. Here the program decides: its connections stand up side by side, or one server that is slow to answer would hold up all others at its address. A single connection never has two attempts under way, and the waits before them are drawn at random.",
        tests: [
          handshake("connections to one address > are attempted side by side"),
          handshake("connections to one address > have one attempt each at a time"),
        ],
      },
      {
        level: "SHOULD",
        binds: "client",
        rule: "Connect: step 2. Where the IP address is not known, as behind a proxy, the number of pending connections is limited.",
        left: "How many connections there are is the program's decision; each has one attempt under way at the most.",
      },
      {
        level: "SHOULD",
        binds: "client",
        rule: "Connect: step 3. With a proxy, it is asked for a TCP connection to host and port; without one, TCP is opened to them directly.",
        tests: [
          http1("a channel to a ws server carries text and binary both ways, and ends with both close frames"),
          http1("an agent's socket carries the channel, be it new or pooled, and does not go back to the pool"),
          refused("a proxy that refuses the tunnel is connecting_failed in proxy, and is not taken for the server"),
        ],
        note: "The proxy is an agent's, given in transportOptions.",
      },
      {
        level: "MUST",
        binds: "client",
        rule: "Connect: step 3. Proxy autoconfiguration scripts are asked with the ws or wss address.",
        left: "The library runs no such scripts.",
      },
      {
        level: "MUST",
        binds: "client",
        rule: "Connect: step 4. If the connection or the proxy fails, the attempt fails.",
        tests: [
          failures("a refused connection is connecting_failed in tcp, and the sentence says where and what to check"),
          failures("a lookup that fails is connecting_failed in dns, whatever the error is"),
          refused("a proxy that can't be reached is connecting_failed in proxy"),
        ],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "Connect: step 5. For wss, TLS is agreed on before the handshake is sent, all else runs through it, and a failure, as of the certificate, fails the attempt.",
        tests: [
          http1("connected is told after the TLS handshake, not after TCP"),
          http1("wss: opens to a server whose certificate an authority given in ca has signed"),
          failures(
            "a certificate that doesn't hold is connecting_failed in tls, and the sentence names the fault and the way out",
          ),
          failures("a server that speaks no TLS, ends or resets in the handshake is connecting_failed in tls"),
        ],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "Connect: step 5. TLS uses Server Name Indication.",
        tests: [
          dial("SNI names a host, never an address"),
          dial("HTTP/1.1 is what is offered for TLS, and the caller's ALPNProtocols and servername stand"),
        ],
        note: "For an IP address there is no name to indicate (RFC 6066 §3).",
      },
      {
        level: "MUST",
        binds: "client",
        rule: "Request: 1, 2. It is a valid HTTP request, a GET, of HTTP/1.1 at least.",
        tests: [
          REQUEST,
          http1(
            "the request is GET with path and query, host and user-agent first, and the caller's headers in order and case",
          ),
          upgrade("an illegal name or value is a fault that names the header and never shows the value"),
        ],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "Request: 3. It asks for the resource name of the address.",
        tests: [ASCII, address("path and query are asked for as they stand; without a path it is /")],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "Request: 4. Host says host and port, without the port if that is the default.",
        tests: [
          REQUEST,
          address(
            "host, port, Host header and label come from the address, the scheme's own port left out of the header",
          ),
          http1("IPv6 addresses are connected to, with brackets in the Host header"),
        ],
      },
      { level: "MUST", binds: "client", rule: "Request: 5. Upgrade names websocket.", tests: [REQUEST] },
      { level: "MUST", binds: "client", rule: "Request: 6. Connection names Upgrade.", tests: [REQUEST] },
      {
        level: "MUST",
        binds: "client",
        rule: "Request: 7. Sec-WebSocket-Key is 16 random bytes in base64, new for each connection.",
        tests: [
          REQUEST,
          handshake("the client's request > has a new key each time"),
          key("the handshake's key > is 16 bytes in base64, new each time"),
        ],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "Request: 8. A browser sends Origin; other clients may.",
        tests: [REQUEST, handshake("the client's request > carries other fields of the caller's, an Origin too")],
      },
      { level: "MUST", binds: "client", rule: "Request: 9. Sec-WebSocket-Version is 13.", tests: [REQUEST] },
      {
        level: "MUST",
        binds: "client",
        rule: "Request: 10. Subprotocols are tokens, in order of preference, each once.",
        tests: [
          handshake("the client's request > names the subprotocols in their order, in one field"),
          clientSide("the request > is not made with the subprotocols …"),
          upgrade("subprotocols that are no tokens, or named twice by the option, are a fault"),
        ],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "Nothing more is sent until the server has answered.",
        tests: [
          handshake(
            "the client's request > is followed by nothing until the server has answered, then by what was sent meanwhile",
          ),
          handshake("an answer > that fails the attempt has its connection ended, and no frame goes out"),
        ],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "Answer: 1. Another status than 101 is handled as HTTP has it.",
        tests: [
          handshake("an answer > of another status is HTTP's, and told with status, fields and body: …"),
          refused("a refusal gives status, headers and body, and the sentence says what to do"),
          redirect(
            "redirects are followed from hop to hop, over hosts, and a relative one counts from where it came from",
          ),
        ],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "Answer: 2. Without an Upgrade that says websocket, in any case, the connection fails.",
        tests: [
          WRONG("without Upgrade"),
          WRONG("with an empty Upgrade"),
          WRONG("with another Upgrade"),
          WRONG("with an Upgrade that only begins right"),
          handshake("an answer > is taken with Upgrade in any case"),
          headers(
            "Upgrade stands once in a 101 and says websocket alone; Connection is a list, in one field or several",
          ),
        ],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "Answer: 3. Without a Connection that names Upgrade, in any case, the connection fails.",
        tests: [
          WRONG("without Connection"),
          WRONG("with another Connection"),
          WRONG("with a Connection that only begins right"),
          handshake("an answer > is taken with Connection in any case, as a list"),
        ],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "Answer: 4. Without the Sec-WebSocket-Accept that answers the key, blanks around it aside, the connection fails.",
        tests: [
          WRONG("without Sec-WebSocket-Accept"),
          WRONG("with an empty Sec-WebSocket-Accept"),
          WRONG("with the accept of another key"),
          WRONG("with an accept in another case"),
          handshake("an answer > is taken with blanks around its values"),
          key("the handshake's key > is answered as in the example of RFC 6455 §1.3"),
        ],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "Answer: 5. With an extension that was not asked for, the connection fails.",
        tests: [
          WRONG("with an extension that nobody asked for"),
          clientSide("the answer > is refused with the extensions … that we didn't offer"),
        ],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "Answer: 6. With a subprotocol that was not asked for, the connection fails.",
        tests: [
          WRONG("with a subprotocol that nobody asked for"),
          handshake(
            "an answer > fails the attempt with a subprotocol that is not among those asked for, or differs in case",
          ),
        ],
      },
      {
        level: "MUST",
        binds: "client",
        rule: "Answer: whatever else doesn't keep to §4.1 and §4.2.2 fails the connection.",
        tests: [
          WRONG("with two accepts"),
          WRONG("with an empty subprotocol"),
          failures("an answer that is no HTTP is establishing_failed, and what came is not in the error"),
          headers("a line that is no field is malformed_response, wherever it stands"),
          headers("a 101 in another version than HTTP/1.1 doesn't open: 1.0 has none, and neither has 2"),
        ],
      },
      {
        level: "must",
        binds: "client",
        rule: "Answer: names of fields are compared without regard to case.",
        tests: [handshake("an answer > is taken with field names in any case")],
      },
    ],
  },
  {
    section: "4.2.1",
    title: "Reading the client's opening handshake",
    requirements: [
      {
        level: "MUST",
        binds: "server",
        rule: "1, 2. What is no GET of HTTP/1.1 or higher, or has no Host, is answered with an HTTP error.",
        tests: [REFUSES("with another method"), REFUSES("over HTTP/1.0"), REFUSES("without a Host")],
      },
      {
        level: "MUST",
        binds: "server",
        rule: "3, 4. So is what has no Upgrade that says websocket, or no Connection that names Upgrade.",
        tests: [REFUSES("without Upgrade"), REFUSES("without Connection")],
      },
      {
        level: "MUST",
        binds: "server",
        rule: "5, 6. So is what has no key of 16 bytes in base64, or no version.",
        tests: [
          REFUSES("without a key"),
          REFUSES("with a key of 15 bytes"),
          REFUSES("without a version"),
          serverSide("a request > is answered 400 with the key …"),
        ],
      },
      {
        level: "SHOULD NOT",
        binds: "server",
        rule: "7. A request without Origin is not taken for a browser's.",
        left: "validateRequest gives the origin only where there is one; what follows from it is the program's decision.",
      },
      {
        level: "MUST",
        binds: "server",
        rule: "8, 9. So is what breaks the grammar of subprotocols or extensions.",
        tests: [
          REFUSES("with a subprotocol that is no token"),
          REFUSES("with extensions that are none"),
          serverSide("a request > is answered 400 with the … …"),
        ],
      },
      {
        level: "must",
        binds: "server",
        rule: "10. Unknown fields are ignored.",
        tests: [
          CHOOSES_NOTHING,
          serverSide("a request > is accepted with nothing but the handshake, whatever the case of its fields"),
        ],
      },
    ],
  },
  {
    section: "4.2.2",
    title: "Sending the server's opening handshake",
    requirements: [
      {
        level: "MUST",
        binds: "server",
        rule: "1. On a TLS port everything runs through TLS; a failed TLS handshake ends the connection.",
        tests: [
          server("a server listens on IPv6, on a unix socket, and with TLS"),
          server("garbage instead of TLS ends that connection and nothing else"),
        ],
      },
      {
        level: "MUST",
        binds: "server",
        rule: "4. A request that isn't to be accepted, for its origin or its resource, is answered with an HTTP error.",
        tests: [peer("a refusal has its status, headers and body; chunked and kept open when asked")],
        note: "Which these are, a script of the test server says.",
      },
      {
        level: "MUST",
        binds: "server",
        rule: "4. Another version is answered with an HTTP error and Sec-WebSocket-Version.",
        tests: [
          REFUSES("in another version"),
          serverSide("a request > is answered 426 with the version …, and told 13 (RFC 6455 §4.4)"),
        ],
      },
      {
        level: "MUST",
        binds: "server",
        rule: "4. The subprotocol is one of the client's.",
        tests: [scripts("echo() sends every message back as it came, and chooses the first subprotocol")],
        note: "A script may choose another on purpose: then it is the client that is tested.",
      },
      {
        level: "MUST NOT",
        binds: "server",
        rule: "4. Without a choice there is no Sec-WebSocket-Protocol, and no extension is named that the client didn't offer.",
        tests: [
          CHOOSES_NOTHING,
          serverSide("the answer > names neither subprotocol nor extensions where there are none"),
        ],
      },
      {
        level: "MUST",
        binds: "server",
        rule: "5. The answer is a 101 with Upgrade: websocket, Connection: Upgrade, and the key's Sec-WebSocket-Accept.",
        tests: [PLAIN_101, key("the handshake's key > is answered as in the example of RFC 6455 §1.3")],
      },
    ],
  },
  {
    section: "4.3",
    title: "Grammar of the new header fields",
    requirements: [
      {
        level: "MUST",
        binds: "both",
        rule: "A parameter of an extension may be a quoted string; unquoted it is a token.",
        tests: [
          fields("extensionsOf > reads names, parameters, values and quoted values (RFC 6455 §9.1)"),
          fields("extensionsOf > refuses …"),
        ],
      },
    ],
  },
  {
    section: "4.4",
    title: "Several versions of the protocol",
    requirements: [
      {
        level: "MUST",
        binds: "server",
        rule: "A version that isn't supported is answered with all that are.",
        tests: [REFUSES("in another version")],
      },
    ],
  },
];

export const EXTENSIONS: readonly Section[] = [
  {
    section: "9",
    title: "Extensions",
    requirements: [
      {
        level: "MUST NOT",
        binds: "server",
        rule: "No extension is answered that the client didn't request.",
        tests: [CHOOSES_NOTHING],
      },
      {
        level: "MUST",
        binds: "both",
        rule: "Parameters are chosen as the extension's own specification has it.",
        left: "That is each extension's matter: see RFC 7692 for permessage-deflate.",
      },
    ],
  },
  {
    section: "9.1",
    title: "Negotiating extensions",
    requirements: [
      {
        level: "MUST",
        binds: "both",
        rule: "A Sec-WebSocket-Extensions that breaks the grammar fails the connection at once.",
        tests: [
          WRONG("with extensions that are none"),
          WRONG("with an empty field of extensions"),
          REFUSES("with extensions that are none"),
          fields("extensionsOf > refuses …"),
        ],
      },
      {
        level: "must",
        binds: "both",
        rule: "The field may be split over several, which mean the same as one.",
        tests: [
          clientSide("the answer > may choose extensions we offered, and gives them as the server named them"),
          fields("extensionsOf > reads names, parameters, values and quoted values (RFC 6455 §9.1)"),
        ],
      },
      {
        level: "MUST",
        binds: "both",
        rule: "An extension's name is registered, and its parameters are defined for it.",
        left: "Which extensions are used, the caller says; the library's own is permessage-deflate.",
      },
      {
        level: "MUST NOT",
        binds: "client",
        rule: "An extension is not used unless the server has agreed to it.",
        tests: [
          {
            file: "test/conformance/headers.test.ts",
            name: "a reserved bit, without an extension that gives it a meaning, > is refused at its byte on every opcode, in both roles: …",
          },
        ],
      },
    ],
  },
];

export const HEADER_FIELDS: readonly Section[] = [
  {
    section: "11.1",
    title: "The schemes ws and wss",
    requirements: [
      {
        level: "MUST",
        binds: "client",
        rule: "A host that isn't ASCII goes out in its ASCII form, other parts as percent-encoded UTF-8.",
        tests: [ASCII],
      },
    ],
  },
  {
    section: "11.3",
    title: "Header fields",
    requirements: [
      {
        level: "MUST NOT",
        binds: "client",
        rule: "11.3.1. Sec-WebSocket-Key stands no more than once in a request.",
        tests: [
          REQUEST,
          REFUSES("with two keys"),
          upgrade("what the handshake says itself can't be said by the caller"),
        ],
      },
      {
        level: "MUST NOT",
        binds: "server",
        rule: "11.3.2. Sec-WebSocket-Extensions stands no more than once in an answer.",
        tests: [serverSide("the answer > is one our own client accepts")],
        note: "A client takes several all the same, since §4.2.2 allows them.",
      },
      {
        level: "MUST NOT",
        binds: "server",
        rule: "11.3.3. Sec-WebSocket-Accept stands no more than once in an answer.",
        tests: [PLAIN_101, WRONG("with two accepts")],
      },
      {
        level: "MUST NOT",
        binds: "server",
        rule: "11.3.4. Sec-WebSocket-Protocol stands no more than once in an answer.",
        tests: [
          serverSide("the answer > is one our own client accepts"),
          clientSide("the answer > is refused with two subprotocol fields"),
        ],
      },
      {
        level: "MUST NOT",
        binds: "client",
        rule: "11.3.5. Sec-WebSocket-Version stands no more than once in a request.",
        tests: [REQUEST, serverSide("a request > is answered 426 with two versions, even if both are 13")],
      },
    ],
  },
];
