/**
 * Scenarios of the same sort as the recorded ones that nobody recorded: put together at random from the same steps, calls and
 * answers. There is no trace of Fresh for them; the model says what everfresh should do.
 *
 * Left out is what the design leaves open: a reset at the very moment of the 101, a bad frame byte by byte (how early it is found
 * is nobody's business), and a handler of an unsendable frame that reconnects or takes its time.
 */
import { DeflatingPeer, frame, inventAnswer, inventOffer, LONG_MESSAGES } from "./invented-deflate.ts";
import { Random } from "./random.ts";
import type { OutsideStep, PeerStep, Rule, Scenario, WireFrame } from "./scenario.ts";

/** A row of scenarios for a seed; the same for the same seed. */
export function inventScenarios(seed: number, count: number): readonly Scenario[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, at) => invent(random, `invented-${seed}.${at}`));
}

/** The peer's pauses in ms. The caller's and the module's differ from them by a fraction, so that nothing happens at one moment by chance. */
const PAUSES = [5, 10, 15, 20, 25, 30, 40, 55, 70];
const CALLERS_FRACTION = 0.37;
const BLOCKS = [7.61, 33.61, 61.61];

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
/** What keeps a connection open: with compression, what follows is the point. */
const CALM_ANSWERS = [
  "{:ok, state + 1}",
  '{:reply, [text: "r", binary: <<1>>], state + 10}',
  '{:reply, [text: "", text: "Hello Hello"], state + 1}',
  ...LONG_MESSAGES.map((message) => `{:reply, [${message}], state + 1}`),
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
  { call: "send", frame: '{:text, ""}' },
  ...LONG_MESSAGES.map((message) => ({ call: "send", frame: message })),
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
  const connection = (): readonly Rule[] => rules(random, CONNECTION_ANSWERS);
  const offer = random.chance(50) ? inventOffer(random) : undefined;
  const answers = offer !== undefined && random.chance(80) ? CALM_ANSWERS : GENERIC_ANSWERS;
  const generic = (): readonly Rule[] => rules(random, answers);
  const options = [
    ...(random.chance(25) ? ["ping_interval: 60"] : []),
    ...(offer === undefined ? [] : [`mint_upgrade_opts: [extensions: ${offer}]`]),
  ];
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
      options: `[${options.join(", ")}]`,
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
    peer: random.chance(6)
      ? "no listener on the port"
      : random.list(1, 3, () => connectionSteps(random, offer !== undefined)),
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

function connectionSteps(random: Random, offered: boolean): readonly PeerStep[] {
  const answer = offered ? inventAnswer(random) : [];
  const peer = offered ? new DeflatingPeer(random, answer) : undefined;
  const pause = (): PeerStep => ({ step: "sleep", ms: random.pick(PAUSES) });
  const some = (): readonly WireFrame[] =>
    peer !== undefined && random.chance(75)
      ? peer.frames()
      : [random.pick(random.chance(70) ? GOOD_FRAMES : random.chance(50) ? BAD_FRAMES : CLOSE_FRAMES)];
  const frames = (): readonly WireFrame[] => random.list(1, 3, some).flat();
  const oneByOne = (): readonly PeerStep[] =>
    random
      .list(1, peer === undefined ? 1 : 3, some)
      .flat()
      .map((one) => ({ step: "send_frame", frame: one }));
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
  const extraHeaders = answer.map((value) => ["sec-websocket-extensions", value] as const);
  const opened: PeerStep = {
    step: "send_101",
    extraHeaders,
    ...(random.chance(15) ? { gluedFrames: frames() } : {}),
  };
  const traffic = random
    .list(peer === undefined ? 0 : 2, 4, (): readonly PeerStep[] => [
      ...(random.chance(80) ? [pause()] : []),
      ...random.pick<readonly PeerStep[]>([
        oneByOne(),
        oneByOne(),
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
