/**
 * A client of a gateway like Discord's (https://discord.com/developers/docs/events/gateway): hello, identify, heartbeats that are
 * acknowledged, and resuming the session after a break. Under a supervisor, which would start it anew if it failed.
 *
 * The interval of the heartbeats comes with the hello. If one is not acknowledged before the next is due, the link is dead, and is
 * left with a code other than 1000 and 1001, which would end the session. Timers speak to the module through `self.info(…)`: the
 * message reaches handleInfo in its turn, so no callback is interrupted. A timer belongs to one connection, and goes with it.
 *
 * Prints:
 *     hello: a heartbeat every 200 ms; identifying
 *     READY: session-1
 *     MESSAGE_CREATE 2: good morning
 *     a heartbeat was not acknowledged: the link is dead
 *     hello: a heartbeat every 200 ms; resuming session-1 behind 2
 *     MESSAGE_CREATE 3: good evening
 *     RESUMED
 *     the gateway closed with 4004: no use to come back
 *     the supervisor ended: shutdown
 */
import { type Connection, close, Fresh, type GenericResponse, ok, reconnect, reply, Supervisor, stop } from "everfresh";
import { type Peer, TestServer } from "everfresh/testing";

const Op = { dispatch: 0, heartbeat: 1, identify: 2, resume: 6, reconnect: 7, invalidSession: 9, hello: 10, ack: 11 };
/** Codes behind which Discord takes nobody back: the token is wrong, the shard is, … */
const FATAL = [4004, 4010, 4011, 4012, 4013, 4014];
const HEARTBEAT = Symbol("heartbeat");

// biome-ignore lint/suspicious/noExplicitAny: what `d` is depends on the opcode and the event; a bot would have types for each.
type Payload = { readonly op: number; readonly d?: any; readonly s?: number | null; readonly t?: string | null };

type Bot = {
  /** The session to resume, and the sequence number of its newest event. */
  readonly session: string | undefined;
  readonly sequence: number | null;
  readonly timer: NodeJS.Timeout | undefined;
  readonly isAcknowledged: boolean;
};
const NEW: Bot = { session: undefined, sequence: null, timer: undefined, isAcknowledged: true };
/** Where to resume: asked for at each attempt, and the state is not at hand there. */
let resumeUrl: string | undefined;

const Gateway = Fresh.define<Bot>("Gateway", {
  handleIn: (frame, bot, self) => (frame.type === "text" ? received(JSON.parse(frame.data), bot, self) : ok(bot)),

  handleInfo(message, bot) {
    // One that was under way when its connection ended.
    if (message !== HEARTBEAT || bot.timer === undefined) return ok(bot);
    if (bot.isAcknowledged) return reply(payload(Op.heartbeat, bot.sequence), { ...bot, isAcknowledged: false });
    console.log("a heartbeat was not acknowledged: the link is dead");
    return close(4000, "no acknowledgement", bot);
  },

  handleDisconnect(code, _reason, bot) {
    if (!FATAL.includes(code ?? 0)) return reconnect(withoutTimer(bot));
    console.log(`the gateway closed with ${code}: no use to come back`);
    return stop("shutdown");
  },

  handleError: (_error, bot) => reconnect(withoutTimer(bot)),

  handleTerminate: (_reason, bot) => void withoutTimer(bot),
});

function received({ op, d, s, t }: Payload, bot: Bot, self: Connection<Bot>): GenericResponse<Bot> {
  switch (op) {
    case Op.hello: {
      const interval: number = d.heartbeat_interval;
      const timer = setInterval(() => self.info(HEARTBEAT), interval);
      const { session, sequence } = bot;
      const plan = session === undefined ? "identifying" : `resuming ${session} behind ${sequence}`;
      console.log(`hello: a heartbeat every ${interval} ms; ${plan}`);
      const token = "secret";
      const answer =
        session === undefined
          ? payload(Op.identify, { token, intents: 512, properties: { os: "linux", browser: "bot", device: "bot" } })
          : payload(Op.resume, { token, session_id: session, seq: sequence });
      return reply(answer, { ...bot, timer, isAcknowledged: true });
    }
    case Op.heartbeat:
      return reply(payload(Op.heartbeat, bot.sequence), bot);
    case Op.ack:
      return ok({ ...bot, isAcknowledged: true });
    case Op.reconnect:
      return close(4000, "as the gateway asks", bot);
    case Op.invalidSession:
      // `d` says whether it can be resumed; if not, the next hello is answered with an identify.
      if (d !== true) resumeUrl = undefined;
      return close(4000, "invalid session", d === true ? bot : { ...bot, session: undefined, sequence: null });
    case Op.dispatch: {
      const next = { ...bot, sequence: s ?? bot.sequence };
      if (t !== "READY") {
        console.log(t === "MESSAGE_CREATE" ? `${t} ${s}: ${d.content}` : t);
        return ok(next);
      }
      console.log(`READY: ${d.session_id}`);
      resumeUrl = d.resume_gateway_url;
      return ok({ ...next, session: d.session_id });
    }
    default:
      return ok(bot);
  }
}

function withoutTimer(bot: Bot): Bot {
  clearInterval(bot.timer);
  return { ...bot, timer: undefined };
}

const payload = (op: number, d: unknown): string => JSON.stringify({ op, d });

// ── The gateway's side ───────────────────────────────────────────────────────────────────────────────────────────

const dispatch = (s: number, t: string, d: unknown): string => JSON.stringify({ op: Op.dispatch, s, t, d });

async function expect(peer: Peer, op: number): Promise<void> {
  const { data } = await peer.receive("text");
  if (JSON.parse(String(data)).op !== op) throw new Error(`The gateway expected ${op} and got ${data}.`);
}

const server = await TestServer.start({
  script: [
    async (peer) => {
      await peer.accept();
      peer.send(payload(Op.hello, { heartbeat_interval: 200 }));
      await expect(peer, Op.identify);
      peer.send(dispatch(1, "READY", { session_id: "session-1", resume_gateway_url: `${server.url}/resume` }));
      await expect(peer, Op.heartbeat);
      peer.send(payload(Op.ack, null));
      peer.send(dispatch(2, "MESSAGE_CREATE", { content: "good morning" }));
      await expect(peer, Op.heartbeat); // and this one is not acknowledged
    },
    async (peer) => {
      const { target } = await peer.accept();
      if (target !== "/resume") throw new Error(`The client came back to ${target}.`);
      peer.send(payload(Op.hello, { heartbeat_interval: 200 }));
      await expect(peer, Op.resume);
      peer.send(dispatch(3, "MESSAGE_CREATE", { content: "good evening" }));
      peer.send(dispatch(4, "RESUMED", {}));
      peer.close(4004, "authentication failed");
    },
  ],
});

const options = { backoffInitial: 20, infoLogging: false };
const supervisor = Supervisor.start(
  [
    {
      ...Gateway.childSpec({ uri: () => resumeUrl ?? server.url, state: NEW, options }),
      significant: true,
    },
  ],
  { autoShutdown: "any_significant" },
);
console.log(`the supervisor ended: ${await supervisor.exited}`);
await server.stop();
