/**
 * The conversation that is held with every server of servers.ts, as a list of tests: what each can do is in its row.
 */
import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { type Connection, type Options, ping, stop } from "../../src/index.ts";
import { type Call, launch, Recorder } from "../fresh/fixtures.ts";
import type { ForeignServer, ServerDriver, Wish } from "./servers.ts";

export type Session = {
  readonly driver: ServerDriver;
  readonly server: ForeignServer;
  /** Options of ours for every connection, as those of compression. */
  readonly options: Options<null>;
};

export type Talk = {
  /** The rule that it proves. */
  readonly rule: string;
  readonly applies: (driver: ServerDriver) => boolean;
  readonly hold: (session: Session) => Promise<void>;
};

/** On both sides of each border between the forms of a length, and the longest that all who take long ones take. */
const LENGTHS = [0, 1, 125, 126, 65_535, 65_536, 1_048_576] as const;
const MULTI_BYTE = ["größer", "日本語", "🦊🦊", "e\u0301", "\u0000", "\u200f\ufeff"] as const;
/** How long a message may take to come back, in ms: a mebibyte through two programs, on a machine with much to do. */
const PATIENCE = 20_000;
const PAYLOAD = "are you there";
const FRAGMENTED = {
  text: "größer 🦊 in pieces",
  bytes: Uint8Array.from({ length: 256 }, (_, index) => index),
} as const;

const always = () => true;

export const CONVERSATION: readonly Talk[] = [
  {
    rule: "texts of every form of length come back, in order",
    applies: always,
    async hold(session) {
      await comeBack(session, [...lengthsFor(session.driver).map(textOf), ...MULTI_BYTE, "🦊".repeat(1000)]);
    },
  },
  {
    rule: "bytes of every form of length come back, in order",
    applies: ({ echo }) => echo.binary,
    async hold(session) {
      await comeBack(session, lengthsFor(session.driver).map(bytesOf));
    },
  },
  {
    rule: "a hundred messages sent at once come back in their order",
    applies: always,
    async hold(session) {
      await comeBack(
        session,
        Array.from({ length: 100 }, (_, index) => `message ${index} of many that are much alike`),
      );
    },
  },
  {
    rule: "our ping is answered with its payload, and a probe takes its time",
    applies: always,
    async hold(session) {
      const { connection, recorder } = await join(session, session.driver.echo);
      await using _ = connection;
      connection.send(ping("between messages"));
      const { given } = await recorder.call("handleControl");
      assert.deepEqual([given[0].type, Buffer.from(given[0].data).toString()], ["pong", "between messages"]);
      assert.ok((await connection.probe()) >= 0);
    },
  },
  {
    rule: "the server's ping is answered with its payload, and then heard of",
    applies: ({ ping }) => ping !== undefined,
    async hold(session) {
      const { connection, recorder } = await join(session, session.driver.ping as Wish);
      await using _ = connection;
      await recorder.call("handleIn");
      assert.deepEqual(recorder.lines, [
        "handleConnect 101",
        `handleControl ping "${PAYLOAD}"`,
        `handleIn text "pong: ${PAYLOAD}"`,
      ]);
    },
  },
  {
    rule: "messages in fragments arrive whole",
    applies: ({ fragments }) => fragments !== undefined,
    async hold(session) {
      const { connection, recorder } = await join(session, session.driver.fragments as Wish);
      await using _ = connection;
      await recorder.call("handleIn", 2);
      const [text, bytes] = recorder.all("handleIn").map(({ given }) => given[0].data);
      assert.equal(text, FRAGMENTED.text);
      assert.deepEqual(Buffer.from(bytes as Uint8Array), Buffer.from(FRAGMENTED.bytes));
    },
  },
  {
    rule: "our close frame reaches the server, and its answer handleDisconnect",
    applies: always,
    async hold(session) {
      const { driver, server } = session;
      for (const [index, [code, reason]] of (
        [
          [1000, "bye"],
          [4001, "größer"],
          [1001, ""],
        ] as const
      ).entries()) {
        const path = driver.tellsEnds ? `${driver.echo.path}/end/${index}` : driver.echo.path;
        const { connection, recorder } = await join(session, { ...driver.echo, path });
        connection.close(code, reason);
        const { given } = await recorder.call("handleDisconnect");
        assert.deepEqual(given, driver.closeAnswer(code, reason));
        await connection.exited;
        if (driver.tellsEnds) assert.deepEqual(await server.ended(path), [code, reason]);
      }
    },
  },
  {
    rule: "stop() says goodbye with 1000",
    applies: ({ tellsEnds }) => tellsEnds,
    async hold(session) {
      const path = `${session.driver.echo.path}/stop`;
      const { connection } = await join(session, { ...session.driver.echo, path });
      assert.equal(await connection.stop(), "normal");
      assert.deepEqual(await session.server.ended(path), [1000, ""]);
    },
  },
  {
    rule: "the server's end is handleDisconnect with its code and reason, or streaming_failed without a close frame",
    applies: always,
    async hold(session) {
      for (const { wish, as } of session.driver.ends) {
        const { connection, recorder } = await join(session, wish);
        await connection.exited;
        if (as !== undefined) {
          assert.deepEqual((await recorder.call("handleDisconnect")).given, as);
          assert.deepEqual(recorder.all("handleError"), []);
        } else {
          assert.equal((await recorder.call("handleError")).given[0].kind, "streaming_failed");
          assert.deepEqual(recorder.all("handleDisconnect"), []);
        }
      }
    },
  },
  {
    rule: "the server's choice of a subprotocol is the connection's",
    applies: ({ subprotocol }) => subprotocol !== undefined,
    async hold(session) {
      const { wish, chosen } = session.driver.subprotocol as NonNullable<ServerDriver["subprotocol"]>;
      const { connection, recorder } = await join(session, wish);
      await using _ = connection;
      assert.equal(connection.protocol, chosen);
      assert.equal((await recorder.call("handleConnect")).given[1].get("sec-websocket-protocol"), chosen);
    },
  },
  {
    rule: "a refused upgrade is establishing_failed with the status",
    applies: ({ refusals }) => refusals.length > 0,
    async hold(session) {
      for (const { wish, status } of session.driver.refusals) {
        const { connection, recorder } = begin(session, wish);
        await connection.exited;
        const [error] = (await recorder.call("handleError")).given;
        assert.deepEqual([error.kind, error.reason, error.status], ["establishing_failed", "status", status]);
      }
    },
  },
];

/**
 * Sends these, as many at a time as the server's echo can have under way, and sees each come back in its turn. Gives what the
 * connection can tell of that afterwards.
 */
export async function comeBack(
  session: Session,
  messages: readonly (string | Uint8Array)[],
): Promise<{ readonly extensions: string; readonly bytesSent: number; readonly bytesReceived: number }> {
  const { echo } = session.driver;
  const { connection, recorder } = await join(session, echo);
  await using _ = connection;
  const atOnce = echo.atOnce ?? messages.length;
  for (let start = 0; start < messages.length; start += atOnce) {
    const some = messages.slice(start, start + atOnce);
    for (const message of some) assert.equal(connection.send(message), "sent");
    await recorder.calls.nth(start + some.length, isMessage, "a message that comes back", PATIENCE);
  }
  const back = recorder.all("handleIn").map(({ given }) => given[0].data);
  assert.deepEqual(back.map(brief), messages.map(brief));
  const { extensions, stats } = connection;
  return { extensions, bytesSent: stats.bytesSent, bytesReceived: stats.bytesReceived };
}

function isMessage(call: Call<null>): call is Call<null, "handleIn"> {
  return call.callback === "handleIn";
}

/** Long messages by their length and checksum, so that a failure can be read. */
function brief(message: string | Uint8Array): string {
  const bytes = Buffer.from(message as string);
  if (typeof message === "string" && bytes.length < 100) return message;
  return `${typeof message === "string" ? "text" : "binary"} of ${bytes.length}, checksum ${crc32(bytes)}`;
}

/** Goes where a wish leads; what ends ends there, without a second attempt. */
export function begin(
  { server, options }: Session,
  { path, subprotocols }: Wish,
): {
  readonly connection: Connection<null>;
  readonly recorder: Recorder<null>;
} {
  const recorder = new Recorder<null>({ handleDisconnect: () => stop(), handleError: () => stop() });
  const upgradeOptions = { ...options.upgradeOptions, ...(subprotocols === undefined ? {} : { subprotocols }) };
  return { recorder, connection: launch(server.url(path), recorder, null, { ...options, upgradeOptions }) };
}

/** The same, once it is open and has said what the wish says. */
async function join(session: Session, wish: Wish): Promise<ReturnType<typeof begin>> {
  const begun = begin(session, wish);
  await begun.recorder.call("handleConnect");
  if (wish.say !== undefined) begun.connection.send(wish.say);
  return begun;
}

function lengthsFor({ echo }: ServerDriver): readonly number[] {
  const lengths = LENGTHS.filter((length) => length <= echo.longest);
  return lengths.length === LENGTHS.length ? lengths : [...lengths, echo.longest];
}

/** Text of so many bytes; no two places of it look alike for long. */
function textOf(length: number): string {
  return Buffer.from(bytesOf(Math.ceil(length / 2)))
    .toString("hex")
    .slice(0, length);
}

/** Bytes that don't compress, always the same. */
function bytesOf(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = length + 1;
  for (let index = 0; index < length; index += 1) {
    // A linear congruential generator, with the numbers of ANSI C.
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[index] = state >>> 16;
  }
  return bytes;
}
