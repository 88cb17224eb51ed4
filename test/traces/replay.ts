/**
 * Replays one scenario against everfresh: a fresh connection, the scripted peer on real sockets, the caller's steps; and
 * writes down the trace.
 */
import { platform } from "#platform";
import { type CallbackName, type Connection, DEFAULT_CALLBACKS, type FreshModule } from "../../src/behaviour.ts";
import { AlreadyStartedError, FreshError, type FreshErrorKind } from "../../src/connection/errors.ts";
import type { Name } from "../../src/connection/option-types.ts";
import { Fresh } from "../../src/fresh.ts";
import type { Clock } from "../../src/platform/platform.ts";
import type { ExitReason } from "../../src/supervision/exit-reason.ts";
import { Supervisor } from "../../src/supervision/supervisor.ts";
import { CERTIFICATE } from "../testing/certificate.ts";
import { type Answer, Answers, showAnswer } from "./answers.ts";
import { everfreshErrorTerm, headersTerm } from "./errors.ts";
import {
  CALLBACKS,
  exitReasonOf,
  exitReasonTerm,
  frameOf,
  nameOf,
  type OptionsContext,
  optionsOf,
  type Response,
  receivedFrameTerm,
  responseOf,
  responseTerm,
  STANDING_OPTIONS,
  type State,
  Thrown,
} from "./everfresh.ts";
import { type Caller, type OutsideCall, type OutsideResult, outsideScript, type Target } from "./outside.ts";
import { Peer } from "./peer.ts";
import type { Scenario } from "./scenario.ts";
import { CONDITION_LIMIT, type Script } from "./script.ts";
import { parseTerm } from "./term-reader.ts";
import { atom, isAtom, number, showTerm, string, type Term, tuple } from "./terms.ts";
import { QuietTime } from "./time.ts";
import type { Called, ExitClass, Trace } from "./trace.ts";

const STARTED = "{:ok, <pid>}";

/** What was sent has to arrive: time goes on only when it has. */
function* lastBytes(): Script {
  yield { ms: 0 };
}

/** What was logged: how many lines of each level. */
export type Replayed = { readonly trace: Trace; readonly logged: { readonly info: number; readonly error: number } };

export async function replay(scenario: Scenario): Promise<Replayed> {
  const run = new Run(scenario);
  try {
    return await run.play();
  } finally {
    await run.clean();
  }
}

/** Linked exits that were raised uncaught, by the module that the sentence names; see captureLinkedExits. */
const raised = new Map<string, ExitReason[]>();

/** Takes the place of the process that a link would bring down. What is no linked exit goes on as it would have. */
export function captureLinkedExits(): () => void {
  process.setUncaughtExceptionCaptureCallback((error: unknown) => {
    const module =
      error instanceof Error
        ? /^The linked (?:connection|supervisor) "?([^\s"]+)"? /.exec(error.message)?.[1]
        : undefined;
    if (module === undefined) throw error;
    raised.set(module, [...(raised.get(module) ?? []), (error as unknown as { reason: ExitReason }).reason]);
  });
  return () => process.setUncaughtExceptionCaptureCallback(null);
}

/** One time for all replays of this process, and for the library while they run. */
const time = new QuietTime();

/** Puts the replays' time in the place of the platform's clock and of the global timers; returns the undoing. */
export function useReplayTime(): () => void {
  const replacedPlatform = platform as { clock: Clock };
  const replacedGlobals = globalThis as { setTimeout: unknown; clearTimeout: unknown };
  const { clock } = platform;
  const { setTimeout, clearTimeout } = globalThis;
  replacedPlatform.clock = time.clock;
  replacedGlobals.setTimeout = time.setTimeout;
  // Whoever set a timer before the replacement clears it with the same call.
  replacedGlobals.clearTimeout = (timer: { cancel?: () => void } | NodeJS.Timeout | undefined) =>
    timer !== undefined && "cancel" in timer ? timer.cancel?.() : clearTimeout(timer as NodeJS.Timeout);
  return () => {
    replacedPlatform.clock = clock;
    Object.assign(replacedGlobals, { setTimeout, clearTimeout });
  };
}

class Run implements Caller {
  readonly #scenario: Scenario;
  readonly #time = time;
  readonly #answers: Answers;
  readonly #called: Called[] = [];
  readonly #results: OutsideResult[] = [];
  readonly #connections: Connection<State>[] = [];
  readonly #context: OptionsContext;
  readonly #modules: FreshModule<State>[] = [];
  readonly #logged = { info: 0, error: 0 };
  readonly #parent = new AbortController();
  #peer!: Peer;
  #own: Connection<State> | undefined;
  #supervisor: Supervisor | undefined;
  /** The recording tells nothing of the exit of a process that someone else started. */
  #ownIsObserved = true;
  /** The arguments of the newest specification, which a later call may leave out. */
  #childArguments = "";
  #exit: ExitReason | undefined;
  #failure: unknown;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#answers = new Answers(scenario);
    this.#context = { namePrefix: `${scenario.id} `, certificate: CERTIFICATE };
  }

  async play(): Promise<Replayed> {
    const callbacksSeen = (name: string): number => this.#answers.callsOf(name);
    this.#peer = await Peer.listen(this.#scenario, this.#time, callbacksSeen, (error) => {
      this.#failure = error;
    });
    await this.#time.run(
      outsideScript(
        this.#scenario,
        this,
        {
          callbacksSeen,
          peerSaw: (op) => this.#peer.saw(op),
          exited: () => this.#own === undefined || this.#exit !== undefined,
        },
        this.#results,
      ),
    );
    const callbacks = [...this.#called];
    const exit = this.#exitOf();
    const logged = { ...this.#logged };
    await this.#time.run(lastBytes());
    if (this.#failure !== undefined) throw this.#failure;
    return {
      trace: {
        callbacks,
        connections: this.#peer.sent(),
        results: this.#results,
        exit,
        links: (raised.get(this.#scenario.id) ?? []).map((reason) => showTerm(exitReasonTerm(reason))),
      },
      logged,
    };
  }

  async clean(): Promise<void> {
    for (const connection of this.#connections) await connection.stop("normal", { timeout: 1 });
    await this.#peer?.close();
    raised.delete(this.#scenario.id);
  }

  #exitOf(): Trace["exit"] {
    if (this.#own === undefined || !this.#ownIsObserved) return { class: "none", reason: "" };
    if (this.#exit === undefined) return { class: "alive", reason: "" };
    return { class: exitClassOf(this.#exit), reason: showTerm(exitReasonTerm(this.#exit)) };
  }

  // ── The module ─────────────────────────────────────────────────────────────────────────────────────────────────

  #module(): FreshModule<State> {
    const callbacks = Object.fromEntries(
      CALLBACKS.map(([elixir, name]) => [
        name,
        (...given: readonly unknown[]): unknown => {
          // The last argument is the connection, the last but one the state.
          const state = given.at(-2) as State;
          return this.#callback(elixir, name, given.slice(0, -2), state);
        },
      ]),
    );
    const module = Fresh.define<State>(this.#scenario.id, callbacks);
    this.#modules.push(module);
    return module;
  }

  #callback(elixir: string, name: CallbackName, given: readonly unknown[], state: State): unknown {
    const args = given.map((argument) => this.#argumentTerm(name, argument));
    const { answer, blocksForMs } = this.#answers.next(elixir, args[0] ?? atom("nil"), state);
    const byDefault = defaultResponse(name, given, state);
    this.#called.push({
      name: elixir,
      args: args.map(showTerm),
      stateBefore: showTerm(state),
      returned: showAnswer(answer, responseTerm(byDefault)),
    });
    this.#time.changed();
    const give = (): unknown => (answer.type === "default" ? byDefault : responseFor(answer));
    return blocksForMs === 0
      ? give()
      : new Promise<void>((resolve) => this.#time.after(blocksForMs, resolve)).then(give);
  }

  #argumentTerm(callback: CallbackName, argument: unknown): Term {
    if (callback === "handleTerminate") return exitReasonTerm(argument as ExitReason);
    if (argument === undefined) return atom("nil");
    if (typeof argument === "number") return number(argument);
    if (typeof argument === "string") return string(argument);
    if (argument instanceof FreshError) return everfreshErrorTerm(argument);
    if (argument instanceof Headers) {
      const shown = (name: string, value: string): string =>
        name === "sec-websocket-accept" && this.#peer.isRightAccept(value) ? "<correct>" : value;
      return headersTerm([...argument].map(([name, value]) => [name, shown(name, value)]));
    }
    return isFrame(argument) ? receivedFrameTerm(argument) : (argument as Term);
  }

  // ── The caller ─────────────────────────────────────────────────────────────────────────────────────────────────

  *call(call: OutsideCall): Script<string> {
    try {
      return yield* this.#carryOut(call);
    } catch (error) {
      if (error instanceof AlreadyStartedError) return "{:error, {:already_started, <pid>}}";
      if (error instanceof Error && !(error instanceof RangeError)) return `raised ${error.name}`;
      throw error;
    }
  }

  *#carryOut(call: OutsideCall): Script<string> {
    switch (call.type) {
      case "start":
        this.#start(call.linked);
        return STARTED;
      case "startAgain":
        this.#launch(this.#modules[0] ?? this.#module(), call.linked);
        return STARTED;
      case "startSecond":
        this.#launch(this.#module(), false, { name: nameOf(call.name, this.#context) }, call.state);
        return ":ok";
      case "startFrom":
        return this.#startFrom(call.args);
      case "startUnderParent":
        this.#start(true, { signal: this.#parent.signal });
        this.#ownIsObserved = false;
        yield { until: () => this.#answers.callsOf("handle_connect") > 0, limit: CONDITION_LIMIT };
        this.#parent.abort();
        return showTerm(call.reason);
      case "send":
        for (const { to, frame } of call.messages) Fresh.send(this.#target(to), frameOf(frame));
        return ":ok";
      case "close": {
        const frame = frameOf(tuple(atom("close"), call.code, call.reason)) as { code?: number; reason?: string };
        Fresh.close(this.#target(call.to), frame.code, frame.reason);
        return ":ok";
      }
      case "message":
        Fresh.info(this.#target({ type: "own" }), call.message);
        return "sent";
      case "foreign":
        return "sent";
      case "exitSignal":
        // The runtime ignores a :normal signal; the nearest to any other is to stop with its reason.
        if (!isAtom(call.reason, "normal")) this.#stop(call.reason);
        return "sent";
      case "stop":
        this.#stop(call.reason);
        yield { until: () => this.#exit !== undefined, limit: CONDITION_LIMIT };
        return this.#exit === undefined ? "{:raised, :exit, :timeout}" : ":ok";
      case "childSpec":
        return this.#childSpec(call.args, call.macroOptions);
      case "callback":
        return callDefault(call.name, call.args);
      case "supervisor":
        return yield* this.#supervise(call.action);
      case "ownFunction": {
        const own = { ...this.#module(), [call.name === "start_link" ? "startLink" : "start"]: () => "own" };
        return (call.name === "start_link" ? own.startLink : own.start)(this.#startArguments()) === ("own" as unknown)
          ? ":own_function_is_called"
          : ":library_function_is_called";
      }
    }
  }

  *#supervise(action: "start" | "counts" | "stop"): Script<string> {
    if (action === "start") {
      const child = this.#module().childSpec(this.#startArguments());
      this.#supervisor = Supervisor.startLink([child], { name: this.#scenario.id, logger: { error: () => undefined } });
      void this.#supervisor.exited.then(() => {
        this.#supervisor = undefined;
        this.#time.changed();
      });
      return ":ok";
    }
    if (this.#supervisor === undefined) return ":supervisor_is_dead";
    if (action === "counts") {
      const { active, specs, supervisors, workers } = this.#supervisor.countChildren();
      return showTerm(
        parseTerm(`%{active: ${active}, specs: ${specs}, supervisors: ${supervisors}, workers: ${workers}}`),
      );
    }
    void this.#supervisor.stop();
    yield { until: () => this.#supervisor === undefined, limit: CONDITION_LIMIT };
    return ":ok";
  }

  #start(linked: boolean, more: Readonly<Record<string, unknown>> = {}): void {
    const connection = this.#launch(this.#module(), linked, more);
    this.#own = connection;
    connection.exited.then((reason) => {
      this.#exit = reason;
      this.#time.changed();
    });
  }

  #launch(
    module: FreshModule<State>,
    linked: boolean,
    more: Readonly<Record<string, unknown>> = {},
    state = parseTerm(this.#scenario.client.initialState),
  ): Connection<State> {
    const args = this.#startArguments();
    const start = linked ? module.startLink : module.start;
    const connection = start({ ...args, state, options: { ...args.options, ...more } });
    this.#connections.push(connection);
    return connection;
  }

  #startArguments() {
    const { uri, initialState, options } = this.#scenario.client;
    const count = (level: "info" | "error") => (): void => {
      this.#logged[level] += 1;
    };
    return {
      uri: uri.replace("PORT", String(this.#peer.port)),
      state: parseTerm(initialState),
      options: {
        ...STANDING_OPTIONS,
        logger: { info: count("info"), error: count("error") },
        ...optionsOf(parseTerm(options), this.#context),
      },
    };
  }

  /** start_link/1 with just these arguments: what is missing is missing here too. */
  #startFrom(args: Term): string {
    const given: Record<string, unknown> = {};
    for (const entry of args.kind === "list" ? args.items : []) {
      if (entry.kind !== "tuple" || entry.items[0]?.kind !== "atom") continue;
      const [key, value] = entry.items;
      given[key.name] = value?.kind === "binary" ? Buffer.from(value.bytes).toString() : value;
    }
    const start = this.#module().start as (args: unknown) => Connection<State>;
    this.#connections.push(start(given));
    return STARTED;
  }

  #stop(reason: Term): void {
    this.#own?.stop(exitReasonOf(reason));
  }

  #target(target: Target): Connection<State> | Name {
    if (target.type === "name") {
      // To address a process, Elixir takes a bare name for a local one.
      return nameOf(target.name, this.#context);
    }
    if (this.#own === undefined) throw new Error("Nothing was started that could be called.");
    return this.#own;
  }

  #childSpec(args: string, macroOptions: string | undefined): string {
    const spec = Fresh.define<State>("OC", {}).childSpec({ uri: "ws://u", state: number(1) });
    const fields: Record<string, string> = { id: spec.id, restart: `:${spec.restart}` };
    for (const entry of macroOptions === undefined ? [] : itemsOf(parseTerm(`[${macroOptions}]`))) {
      if (entry.kind !== "tuple" || entry.items[0]?.kind !== "atom" || entry.items[1] === undefined) continue;
      fields[entry.items[0].name] = showTerm(entry.items[1]);
    }
    if (args !== "") this.#childArguments = args;
    const start = macroOptions === undefined ? "OC" : "OCPerm";
    const shown = Object.entries(fields).map(([key, value]) => `${key}: ${value}`);
    return showTerm(
      parseTerm(`%{${[...shown, `start: {${start}, :start_link, [${this.#childArguments}]}`].join(", ")}}`),
    );
  }
}

const itemsOf = (term: Term): readonly Term[] => (term.kind === "list" ? term.items : []);

function isFrame(value: unknown): value is { readonly type: string; readonly data: string | Uint8Array } {
  return typeof value === "object" && value !== null && "type" in value && "data" in value;
}

function responseFor(answer: Exclude<Answer, { type: "default" }>): Response {
  if (answer.type === "fault") throw new Thrown(answer.term);
  return responseOf(answer.term);
}

function defaultResponse(name: CallbackName, given: readonly unknown[], state: State): Response | undefined {
  const call = DEFAULT_CALLBACKS[name] as (...args: readonly unknown[]) => Response | undefined;
  return call(...given, state);
}

/** One of the library's default callbacks, called directly. */
function callDefault(elixir: string, args: readonly Term[]): string {
  const name = CALLBACKS.find(([candidate]) => candidate === elixir)?.[1];
  const state = args.at(-1);
  if (name === undefined || state === undefined) throw new RangeError(`No interpretation for calling ${elixir}.`);
  const given = args.slice(0, -1).map((argument): unknown => {
    if (name !== "handleError" || argument.kind !== "tuple" || argument.items[0]?.kind !== "atom") return argument;
    return new FreshError({ kind: argument.items[0].name as FreshErrorKind, phase: "open", reason: "r", detail: "r" });
  });
  return showTerm(responseTerm(defaultResponse(name, given, state)));
}

function exitClassOf(reason: ExitReason): ExitClass {
  if (reason === "normal") return "normal";
  if (reason === "shutdown") return "shutdown";
  if (reason === "killed") return "killed";
  if (typeof reason === "object" && "shutdown" in reason) return "shutdown";
  return typeof reason === "object" && "callback" in reason ? "crash" : "custom";
}
