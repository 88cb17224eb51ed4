/**
 * A chat gateway of the kind that wants to be talked to in its own way: hello, identify, heartbeats with acknowledgements,
 * and resuming a session after a break.
 *
 * Timers speak to the module through `self.info(…)`: the message reaches handleInfo in its turn, so no callback is ever
 * interrupted and the state needs no lock. A timer belongs to one connection: whatever ends the connection stops it.
 *
 * Prints:
 *     hello: a beat every 200 ms, identifying
 *     ready as session-1
 *     message 1: good morning
 *     no answer to the last beat: leaving this connection
 *     hello: a beat every 200 ms, resuming session-1 after 1
 *     message 2: good evening
 *     the gateway has closed with 4001: not coming back
 *     exited: normal
 */
import { type Connection, close, Fresh, type GenericResponse, ok, reconnect, reply, stop } from "everfresh";
import { type Peer, TestServer } from "everfresh/testing";

type Chat = {
  readonly session: string | undefined;
  /** The number of the last message that came. */
  readonly last: number;
  readonly timer: NodeJS.Timeout | undefined;
  readonly acknowledged: boolean;
};
type FromGateway =
  | { op: "hello"; interval: number }
  | { op: "ready"; session: string }
  | { op: "ack" }
  | { op: "message"; number: number; text: string };

const BEAT = Symbol("beat");

const Chat = Fresh.define<Chat>("Chat", {
  handleIn(frame, chat, self) {
    return frame.type === "text" ? received(JSON.parse(frame.data) as FromGateway, chat, self) : ok(chat);
  },

  handleInfo(message, chat) {
    if (message !== BEAT || chat.timer === undefined) return ok(chat);
    if (chat.acknowledged) return reply(json({ op: "beat", last: chat.last }), { ...chat, acknowledged: false });
    console.log("no answer to the last beat: leaving this connection");
    return close(4000, "no acknowledgement", chat);
  },

  handleDisconnect(code, _reason, chat) {
    if (code !== 4001) return reconnect(withoutTimer(chat));
    console.log("the gateway has closed with 4001: not coming back");
    return stop();
  },

  handleError: (_error, chat) => reconnect(withoutTimer(chat)),

  handleTerminate: (_reason, chat) => void withoutTimer(chat),
});

function received(message: FromGateway, chat: Chat, self: Connection<Chat>): GenericResponse<Chat> {
  switch (message.op) {
    case "hello": {
      const timer = setInterval(() => self.info(BEAT), message.interval);
      const { session, last } = chat;
      const plan = session === undefined ? "identifying" : `resuming ${session} after ${last}`;
      console.log(`hello: a beat every ${message.interval} ms, ${plan}`);
      const answer = session === undefined ? { op: "identify", token: "secret" } : { op: "resume", session, last };
      return reply(json(answer), { ...chat, timer, acknowledged: true });
    }
    case "ready":
      console.log(`ready as ${message.session}`);
      return ok({ ...chat, session: message.session });
    case "ack":
      return ok({ ...chat, acknowledged: true });
    case "message":
      console.log(`message ${message.number}: ${message.text}`);
      return ok({ ...chat, last: message.number });
  }
}

function withoutTimer(chat: Chat): Chat {
  clearInterval(chat.timer);
  return { ...chat, timer: undefined };
}

const json = (value: unknown): string => JSON.stringify(value);

// ── The gateway ──────────────────────────────────────────────────────────────────────────────────────────────────

async function expect(peer: Peer, op: string): Promise<void> {
  const { data } = await peer.receive("text");
  if (JSON.parse(data).op !== op) throw new Error(`The gateway expected ${op} and got ${data}.`);
}

const server = await TestServer.start({
  script: [
    async (peer) => {
      await peer.accept();
      peer.send(json({ op: "hello", interval: 200 }));
      await expect(peer, "identify");
      peer.send(json({ op: "ready", session: "session-1" }));
      await expect(peer, "beat");
      peer.send(json({ op: "ack" }));
      peer.send(json({ op: "message", number: 1, text: "good morning" }));
      await expect(peer, "beat"); // and this time no answer: the gateway has stopped listening
    },
    async (peer) => {
      await peer.accept();
      peer.send(json({ op: "hello", interval: 200 }));
      await expect(peer, "resume");
      peer.send(json({ op: "message", number: 2, text: "good evening" }));
      peer.close(4001, "maintenance");
    },
  ],
});

const chat = Chat.start({
  uri: server.url,
  state: { session: undefined, last: 0, timer: undefined, acknowledged: true },
  options: { name: "chat", backoffInitial: 20, infoLogging: false },
});
console.log(`exited: ${await chat.exited}`);
await server.stop();
