/**
 * Scenarios of the same sort as the recorded ones that nobody recorded: put together at random from the same steps, calls and
 * answers. There is no trace of Fresh for them; the model says what everfresh should do.
 *
 * Left out is what the design leaves open: a reset at the very moment of the 101, a bad frame byte by byte (how early it is found
 * is nobody's business), and a handler of an unsendable frame that reconnects or takes its time.
 */
import type { OutsideStep, PeerStep, Rule, Scenario, WireFrame } from "./scenario.ts";

/** A row of scenarios for a seed; the same for the same seed. */
export function inventScenarios(seed: number, count: number): readonly Scenario[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, at) => invent(random, `invented-${seed}.${at}`));
}

/** Numerical Recipes' linear congruential generator: what matters is that it is the same everywhere. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }

  list<Item>(least: number, most: number, make: () => Item): readonly Item[] {
    return Array.from({ length: least + this.below(most - least + 1) }, make);
  }
}

/** The peer's pauses in ms. The caller's and the module's differ from them by a fraction, so that nothing happens at one moment by chance. */
const PAUSES = [5, 10, 15, 20, 25, 30, 40, 55, 70];
const CALLERS_FRACTION = 0.37;
const BLOCKS = [7.61, 33.61, 61.61];

const frame = (op: string, more: Partial<WireFrame> = {}): WireFrame => ({
  type: "frame",
  op,
  fin: true,
  masked: false,
  rsv: 0,
  ...more,
});
const close = (code: number, reason: string): WireFrame => frame("close", { code, reason });

const GOOD_FRAMES: readonly WireFrame[] = [
  frame("text", { text: "a" }),
  frame("text", { text: "héllo" }),
  frame("text", { text: "" }),
  frame("binary", { hex: "0102" }),
  frame("ping", { text: "p" }),
  frame("pong", { text: "q" }),
];
const BAD_FRAMES: readonly WireFrame[] = [
  close(1015, ""),
  close(2500, "x"),
  frame("text", { hex: "ff" }),
  frame("text", { rsv: 4, text: "x" }),
  frame("text", { masked: true, text: "m" }),
  frame("opcode_3", { text: "x" }),
  frame("continuation", { text: "z" }),
  frame("ping", { fin: false, text: "x" }),
  frame("text", { fin: false, text: "open" }),
];
const CLOSE_FRAMES: readonly WireFrame[] = [
  close(1000, "bye"),
  close(1001, ""),
  close(4000, "x"),
  frame("close", { text: "" }),
];

const GENERIC_ANSWERS = [
  "{:ok, state + 1}",
  "{:ok, state + 1}",
  '{:reply, [text: "r"], state + 1}',
  '{:reply, [text: "r", binary: <<1>>], state + 10}',
  '{:reply, {:text, "one"}, state}',
  "{:reply, [], state + 1}",
  "{:reply, [:ping, :close], state + 2}",
  '{:reply, [{:close, 3000, "z"}, {:text, "late"}], state + 2}',
  '{:reply, [{:text, <<255>>}, {:text, "n"}], state + 3}',
  '{:reply, [{:nonsense, "x"}], state}',
  '{:close, 1000, "c", state + 1}',
  '{:close, 999, "x", state + 1}',
  ":nonsense",
];
const CONNECTION_ANSWERS = [
  ":close",
  ":reconnect",
  ":reconnect",
  "{:reconnect, 100}",
  "{:ignore, state + 1}",
  "{:ignore, state + 1}",
  "{:close, :boom}",
  "{:close, {:shutdown, :x}}",
  "{:ok, 1}",
];
const ENCODING_ANSWERS = ["{:ignore, state}", ":close"];

const CONDITIONS = [
  "after callback handle_connect number 1",
  "after callback handle_connect number 2",
  "after callback handle_disconnect number 1",
  "after callback handle_error number 1",
  "after callback handle_in number 1",
  "after the peer saw text number 1",
  "after the peer saw close number 1",
  "after the peer saw http_request number 1",
  ...PAUSES.map((ms) => `${ms + CALLERS_FRACTION} ms later`),
];
const CALLS: readonly OutsideStep[] = [
  { call: "send", frame: '{:text, "s"}' },
  { call: "send", frame: "{:binary, <<9>>}" },
  { call: "send", frame: ":ping" },
  { call: "send", frame: '{:close, 1000, "by send"}' },
  { call: "send", frame: "{:nonsense, 1}" },
  { call: "close", code: "1000", reason: '"bye"' },
  { call: "close", code: "1005", reason: '"bye"' },
  { call: "plain process message", message: ":m" },
  { call: "plain process message", message: "{:say, 1}" },
  { call: "orderly stop", reason: ":normal" },
  { call: "orderly stop", reason: "{:custom, 1}" },
  { call: "exit signal", reason: ":shutdown" },
];

function invent(random: Random, id: string): Scenario {
  const generic = (): readonly Rule[] => rules(random, GENERIC_ANSWERS);
  const connection = (): readonly Rule[] => rules(random, CONNECTION_ANSWERS);
  const steps = random
    .list(1, 6, () => random.pick(CALLS))
    .flatMap((call) => (random.chance(75) ? [{ when: random.pick(CONDITIONS) }, call] : [call]));
  return {
    id,
    title: "",
    purpose: "",
    notes: "",
    client: {
      uri: "ws://127.0.0.1:PORT/ws",
      initialState: "0",
      options: random.chance(25) ? "[ping_interval: 60]" : "[]",
      callbacks: {
        handle_connect: generic(),
        handle_in: generic(),
        handle_control: generic(),
        handle_info: generic(),
        handle_disconnect: connection(),
        handle_error: [
          { match: "{:encoding_failed, _}", return: random.pick(ENCODING_ANSWERS) },
          ...connection().map(({ blocksForMs: _, ...rule }) => rule),
        ],
        handle_terminate: random.chance(3) ? [{ raises: "t" }] : [],
      },
      outside: [
        { call: random.pick(["start", "start", "start_link"]) },
        ...steps,
        { when: "wait for process exit, at most 300 ms" },
      ],
      observeMsAfterLastStep: random.pick([0, 30, 150]),
    },
    peer: random.chance(6) ? "no listener on the port" : random.list(1, 3, () => connectionSteps(random)),
    observed: {
      callbacks: [],
      wire: [],
      outsideCalls: [],
      logs: [],
      exit: { class: "none", reason: "" },
      linkExitSignals: [],
    },
  };
}

function rules(random: Random, answers: readonly string[]): readonly Rule[] {
  const rule = (): Rule => {
    const answer: Rule = random.chance(5)
      ? random.pick([{ raises: "boom" }, { throws: ":ball" }])
      : { return: random.pick(answers) };
    return random.chance(15) ? { ...answer, blocksForMs: random.pick(BLOCKS) } : answer;
  };
  return [
    ...(random.chance(40) ? [{ nth: 1 + random.below(2), ...rule() }] : []),
    ...(random.chance(60) ? [rule()] : []),
  ];
}

function connectionSteps(random: Random): readonly PeerStep[] {
  const pause = (): PeerStep => ({ step: "sleep", ms: random.pick(PAUSES) });
  const some = (): WireFrame =>
    random.pick(random.chance(70) ? GOOD_FRAMES : random.chance(50) ? BAD_FRAMES : CLOSE_FRAMES);
  const frames = (): readonly WireFrame[] => random.list(1, 3, some);
  const endings: readonly (readonly PeerStep[])[] = [
    [{ step: "send_http", status: 403, headers: [["content-length", "0"]], body: "" }],
    [{ step: "send_http", status: 204, headers: [], body: "" }],
    [{ step: "send_101", wrongAccept: "AAAAAAAAAAAAAAAAAAAAAAAAAAA=" }],
    [{ step: "send_101", omitHeaders: ["upgrade"] }],
    [{ step: "send_raw", len: 7, text: "hello\r\n" }],
    [{ step: "close_tcp" }],
    [{ step: "rst" }],
  ];
  const start: readonly PeerStep[] = [{ step: "read_request" }, ...(random.chance(30) ? [pause()] : [])];
  if (random.chance(15)) return [...start, ...random.pick(endings)];
  const interim: readonly PeerStep[] = random.chance(5)
    ? [{ step: "send_raw", len: 25, text: "HTTP/1.1 100 Continue\r\n\r\n" }]
    : [];
  const opened: PeerStep = random.chance(15) ? { step: "send_101", gluedFrames: frames() } : { step: "send_101" };
  const traffic = random
    .list(0, 4, (): readonly PeerStep[] => [
      ...(random.chance(80) ? [pause()] : []),
      ...random.pick<readonly PeerStep[]>([
        [{ step: "send_frame", frame: some() }],
        [{ step: "send_frame", frame: some() }],
        [{ step: "send_frame", frame: random.pick(CLOSE_FRAMES) }],
        [{ step: "send_frames_in_one_write", frames: frames() }],
        [{ step: "send_frame_in_pieces", frame: random.pick(GOOD_FRAMES), pieceBytes: 1, pauseMs: 3 }],
        [
          { step: "await_client_frame", op: "close", nth: 1 },
          { step: "send_frame", frame: close(1000, "") },
        ],
        [{ step: "await_client_frame", op: "text", nth: 1 }],
      ]),
    ])
    .flat();
  const last: readonly PeerStep[] = random.chance(30)
    ? [pause(), random.pick<PeerStep>([{ step: "close_tcp" }, { step: "half_close" }, { step: "rst" }])]
    : [];
  return [...start, ...interim, opened, ...traffic, ...last];
}
