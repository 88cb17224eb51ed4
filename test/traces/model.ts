/**
 * The model: what everfresh should do in a scenario by its design, and which differences from Fresh that shows.
 *
 * It runs the same scripts as the replay does, in a time of its own and without sockets. So it speaks for scenarios that
 * nobody has seen yet too.
 */
import { Answers, showAnswer } from "./answers.ts";
import { inOneOrder } from "./compression.ts";
import type { DifferenceName } from "./differences.ts";
import { errorTerm, headerPairs } from "./errors.ts";
import { type Offer, offerHeader, offersOf } from "./mint-extensions.ts";
import { defaultAnswer } from "./model-answers.ts";
import { ModelClient, type World } from "./model-client.ts";
import { isOffer } from "./model-extensions.ts";
import { type LinkOwner, ModelLink } from "./model-link.ts";
import { type Caller, type OutsideCall, type OutsideResult, OWN, outsideScript, type Target } from "./outside.ts";
import type { PeerStep, Scenario } from "./scenario.ts";
import { CONDITION_LIMIT, lengthFormOf, type PeerLink, peerScript, type Script, speaksTls, stepsOf } from "./script.ts";
import { parseTerm } from "./term-reader.ts";
import { atom, isAtom, showTerm, type Term } from "./terms.ts";
import { VirtualTime } from "./time.ts";
import type { Called, ExitClass, Trace } from "./trace.ts";
import type { Request } from "./wire.ts";

export type Prediction = { readonly trace: Trace; readonly differences: ReadonlySet<DifferenceName> };

const STARTED = "{:ok, <pid>}";
const CONNECT_TIMEOUT = 10_000;
/** Those of the supervisor in the data. */
const MAX_RESTARTS = 3;
const MAX_SECONDS = 5;

/** Differences that lead to where Fresh never came: nothing that follows one can be compared, so nothing more is named. */
const DETOURS: readonly DifferenceName[] = [
  "start-validates",
  "answer-is-checked",
  "extension-answer-is-checked",
  "extension-list-grammar",
  "window-of-256-bytes",
  "bad-deflate-data",
  "http-is-ws",
  "no-path-is-root",
];

export function predict(scenario: Scenario): Prediction {
  return new Model(scenario).run();
}

class Model implements Caller, World {
  readonly time = new VirtualTime();
  readonly #scenario: Scenario;
  readonly #options: ReadonlyMap<string, Term>;
  readonly #offers: readonly Offer[];
  readonly #answers: Answers;
  readonly #differences = new Set<DifferenceName>();
  readonly #called: Called[] = [];
  readonly #results: OutsideResult[] = [];
  readonly #links: ModelLink[] = [];
  readonly #tellers: string[] = [];
  readonly #linked = new Set<ModelClient>();
  readonly #names = new Map<string, ModelClient>();
  #own: ModelClient | undefined;
  #supervisor: "none" | "running" | "stopping" | "over" = "none";
  /** What the supervisor's child is now. */
  #child: ModelClient | undefined;
  /** When it was restarted. */
  #restarts: readonly number[] = [];
  /** The recording tells nothing of the exit of a process that someone else started. */
  #ownIsObserved = true;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#answers = new Answers(scenario);
    this.#options = keywords(parseTerm(scenario.client.options));
    this.#offers = offersOf(this.#options.get("mint_upgrade_opts"));
  }

  run(): Prediction {
    let done = false;
    const watch = {
      callbacksSeen: (name: string) => this.#answers.callsOf(name),
      peerSaw: (op: string) => this.#links.reduce((sum, link) => sum + link.framesSeen(op), 0),
      exited: () => this.#own === undefined || this.#own.exit !== undefined,
    };
    this.time.start(outsideScript(this.#scenario, this, watch, this.#results), () => {
      done = true;
    });
    while (!done) this.time.jump();
    const callbacks = [...this.#called];
    const exit = this.#exit();
    this.time.settle();
    return {
      trace: {
        callbacks,
        connections: this.#links.map((link) => link.sent()),
        results: this.#results,
        exit,
        links: this.#tellers,
      },
      differences: this.#differences,
    };
  }

  differs(name: DifferenceName): void {
    if (!DETOURS.some((detour) => this.#differences.has(detour))) this.#differences.add(name);
  }

  #exit(): Trace["exit"] {
    if (this.#own === undefined || !this.#ownIsObserved) return { class: "none", reason: "" };
    const { exit } = this.#own;
    if (exit === undefined) return { class: "alive", reason: "" };
    return { class: exit.crashed ? "crash" : exitClassOf(exit.reason), reason: showTerm(exit.reason) };
  }

  // ── The world of a client ──────────────────────────────────────────────────────────────────────────────────────

  answer(name: string, args: readonly Term[], state: Term) {
    const answered = this.#answers.next(name, args[0] ?? atom("nil"), state);
    this.#called.push({
      name,
      args: args.map(showTerm),
      stateBefore: showTerm(state),
      returned: showAnswer(answered.answer, defaultAnswer(name, args, state)),
    });
    return answered;
  }

  connect(owner: LinkOwner): ModelLink | { readonly failed: string } | undefined {
    const steps = stepsOf(this.#scenario, this.#links.length);
    if (steps === undefined) return undefined;
    const subprotocols = this.#subprotocols();
    const secure = this.#scenario.client.uri.startsWith("wss:");
    if (secure && speaksTls(this.#scenario) && !this.#trustsPeer()) return { failed: "tls" };
    const link = new ModelLink(owner, { request: this.#request(subprotocols), subprotocols, offers: this.#offers });
    if (secure && !speaksTls(this.#scenario)) return this.#connectToPlain(owner, link, steps);
    this.#links.push(link);
    this.time.start(peerScript(steps, link, (name) => this.#answers.callsOf(name), lengthFormOf(this.#scenario)));
    return link;
  }

  exited(client: ModelClient): void {
    for (const [name, holder] of this.#names) if (holder === client) this.#names.delete(name);
    if (client === this.#child) this.#childExited(client);
    if (!this.#linked.has(client) || client.exit === undefined) return;
    const { reason, crashed } = client.exit;
    const orderly = ["normal", "shutdown"].includes(exitClassOf(reason)) && !crashed;
    if (orderly) this.differs("links-tell-of-faults");
    else this.#tellers.push(showTerm(reason));
  }

  /** TLS with a peer that doesn't speak it: its first bytes are no TLS, it ends, or nothing comes and the deadline does. */
  #connectToPlain(owner: LinkOwner, link: ModelLink, steps: readonly PeerStep[]): ModelLink {
    const timeout = keywords(this.#options.get("transport_opts") ?? atom("nil")).get("timeout");
    let over = false;
    const fail = (reason: string): void => {
      if (over) return;
      over = true;
      cancel();
      owner.failed(errorTerm("connecting_failed", reason));
    };
    const cancel = this.time.after(timeout?.kind === "number" ? timeout.value : CONNECT_TIMEOUT, () =>
      fail("timed_out"),
    );
    const plain: PeerLink = {
      request: () => undefined,
      framesSeen: () => 0,
      ended: () => over,
      write: () => this.time.send(() => fail("tls")),
      fin: () => this.time.send(() => fail("ended")),
      reset: () => this.time.send(() => fail("ended")),
    };
    this.time.start(peerScript(steps, plain, (name) => this.#answers.callsOf(name), "minimal"));
    return link;
  }

  #trustsPeer(): boolean {
    const given = keywords(this.#options.get("transport_opts") ?? atom("nil"));
    return isAtom(given.get("verify"), "verify_none") || given.has("cacertfile") || given.has("cacerts");
  }

  // ── The request (RFC 6455 §4.1), in Fresh's order ──────────────────────────────────────────────────────────────

  #request(subprotocols: readonly string[]): Request {
    const url = new URL(this.#uri().replace("PORT", "1024"));
    const given = this.#headers().map(([name, value]) => [name.toLowerCase(), value] as const);
    const has = (name: string): boolean => given.some(([candidate]) => candidate === name);
    if (has("sec-websocket-protocol")) this.differs("subprotocol-header");
    return {
      line: `GET ${url.pathname}${url.search} HTTP/1.1`,
      headers: [
        ...(has("host") ? [] : [["host", url.host.replace("1024", "PORT")] as const]),
        ...(has("user-agent") ? [] : [["user-agent", "<library>"] as const]),
        ["upgrade", "websocket"],
        ["connection", "upgrade"],
        ["sec-websocket-version", "13"],
        ["sec-websocket-key", "<key>"],
        ...(subprotocols.length === 0 ? [] : [["sec-websocket-protocol", subprotocols.join(", ")] as const]),
        ...(this.#offers.length === 0
          ? []
          : [["sec-websocket-extensions", inOneOrder(offerHeader(this.#offers))] as const]),
        ...given.filter(([name]) => name !== "sec-websocket-protocol"),
      ],
    };
  }

  #uri(): string {
    return this.#scenario.client.uri.trim();
  }

  #headers(): readonly (readonly [string, string])[] {
    return headerPairs(this.#options.get("headers"));
  }

  #subprotocols(): readonly string[] {
    return this.#headers()
      .filter(([name]) => name.toLowerCase() === "sec-websocket-protocol")
      .flatMap(([, value]) => value.split(",").map((token) => token.trim()));
  }

  // ── The caller ─────────────────────────────────────────────────────────────────────────────────────────────────

  *call(call: OutsideCall): Script<string> {
    switch (call.type) {
      case "start":
        return this.#start(call.linked);
      case "startAgain":
        return this.#refusal() ?? "{:error, {:already_started, <pid>}}";
      case "startSecond":
        this.#launch(call.state, call.name);
        return ":ok";
      case "startFrom":
        return "raised TypeError";
      case "startUnderParent":
        this.#start(true);
        this.#ownIsObserved = false;
        yield { until: () => this.#answers.callsOf("handle_connect") > 0, limit: CONDITION_LIMIT };
        this.#own?.stop(atom("shutdown"));
        return showTerm(call.reason);
      case "send":
        for (const { to, frame } of call.messages) {
          const client = this.#target(to);
          if (client === undefined) return nobody(to);
          client.send(frame);
        }
        return ":ok";
      case "close": {
        const client = this.#target(call.to);
        client?.close(call.code, call.reason);
        return client === undefined ? nobody(call.to) : ":ok";
      }
      case "message":
        this.#own?.info(call.message);
        return this.#own === undefined ? nobody(OWN) : "sent";
      case "foreign":
        this.differs("no-foreign-requests");
        return "sent";
      case "exitSignal":
        if (isAtom(call.reason, "normal")) return "sent";
        if (this.#own?.exit === undefined) this.differs("signals-are-stops");
        this.#own?.stop(call.reason);
        return "sent";
      case "stop":
        this.#own?.stop(call.reason);
        yield { until: () => this.#own?.exit !== undefined, limit: CONDITION_LIMIT };
        return this.#own?.exit === undefined ? "{:raised, :exit, :timeout}" : ":ok";
      case "childSpec":
        // The replay writes everfresh's specification in Elixir's form; it agrees.
        return showTerm(parseTerm(this.#recordedResult(call)));
      case "callback":
        return showTerm(defaultAnswer(call.name, call.args, call.args.at(-1) ?? atom("nil")));
      case "supervisor":
        return yield* this.#supervise(call.action);
      case "ownFunction":
        this.differs("nothing-is-shadowed");
        return ":own_function_is_called";
    }
  }

  // ── A supervisor with one transient child (DESIGN 3) ───────────────────────────────────────────────────────────

  *#supervise(action: "start" | "counts" | "stop"): Script<string> {
    if (action === "start") {
      this.#supervisor = "running";
      this.#startChild();
      return ":ok";
    }
    if (this.#supervisor !== "running") return ":supervisor_is_dead";
    if (action === "counts") {
      const active = this.#child === undefined ? 0 : 1;
      return showTerm(parseTerm(`%{active: ${active}, specs: 1, supervisors: 0, workers: 1}`));
    }
    this.#supervisor = "stopping";
    // The caller, who is linked to it, hears of a normal end too.
    this.differs("links-tell-of-faults");
    if (this.#child !== undefined) this.differs("signals-are-stops");
    this.#child?.stop(atom("shutdown"));
    yield { until: () => this.#child === undefined, limit: CONDITION_LIMIT };
    this.#supervisor = "over";
    return ":ok";
  }

  #startChild(): void {
    this.#child = this.#launch(parseTerm(this.#scenario.client.initialState), undefined);
  }

  #childExited({ exit }: ModelClient): void {
    this.#child = undefined;
    const orderly = exit !== undefined && !exit.crashed && ["normal", "shutdown"].includes(exitClassOf(exit.reason));
    if (this.#supervisor !== "running" || orderly) return;
    this.#restarts = [...this.#restarts, this.time.now].filter((at) => this.time.now - at <= MAX_SECONDS * 1000);
    if (this.#restarts.length <= MAX_RESTARTS) {
      this.#startChild();
    } else {
      this.#supervisor = "over";
      this.#tellers.push(":shutdown");
    }
  }

  #start(linked: boolean): string {
    const refusal = this.#refusal();
    if (refusal !== undefined) return refusal;
    const client = this.#launch(parseTerm(this.#scenario.client.initialState), this.#options.get("name"));
    if (linked) this.#linked.add(client);
    this.#own = client;
    return STARTED;
  }

  #launch(state: Term, name: Term | undefined): ModelClient {
    const interval = this.#options.get("ping_interval");
    const client = new ModelClient(this, state, interval?.kind === "number" ? interval.value : 0);
    if (name !== undefined) {
      if (name.kind !== "tuple") this.differs("name-is-a-string");
      this.#names.set(localName(name), client);
    }
    client.start();
    return client;
  }

  /** What start() throws (DESIGN 1.3), if anything. */
  #refusal(): string | undefined {
    if (!this.#offers.every(isOffer)) {
      this.differs("start-validates");
      return "raised TypeError";
    }
    const invalidOption = this.#invalidOption();
    if (invalidOption !== undefined) {
      this.differs(invalidOption);
      return "raised InvalidOptionError";
    }
    const uri = this.#uri();
    const scheme = /^(ws|wss|http|https):\/\/[^/\\]/i.exec(uri)?.[1]?.toLowerCase();
    if (scheme === undefined || !URL.canParse(uri.replace("PORT", "1024"))) {
      this.differs("start-validates");
      return "raised InvalidUriError";
    }
    if (scheme.startsWith("http")) this.differs("http-is-ws");
    if (!/^[a-z]+:\/\/[^/?#]*\//i.test(uri)) this.differs("no-path-is-root");
    if (/[\s<>"^`{|}]/.test(uri)) this.differs("start-validates");
    return undefined;
  }

  #invalidOption(): DifferenceName | undefined {
    const interval = this.#options.get("ping_interval");
    if (interval !== undefined && !isAtom(interval, "nil") && !(interval.kind === "number" && interval.value >= 0)) {
      return "start-validates";
    }
    const badHeader = this.#headers().some(
      ([header, value]) =>
        !/^[!#$%&'*+\-.^_`|~\w]+$/.test(header) ||
        !/^[\t\x20-\x7e\x80-\xff]*$/.test(value) ||
        /^(upgrade|connection|sec-websocket-(key|version|accept|extensions)|content-length|transfer-encoding)$/i.test(
          header,
        ),
    );
    const known = /^(name|headers|ping_interval|error_logging|info_logging|transport_opts|mint_upgrade_opts)$/;
    return badHeader || [...this.#options.keys()].some((key) => !known.test(key)) ? "start-validates" : undefined;
  }

  #target(target: Target): ModelClient | undefined {
    const found = target.type === "own" ? this.#own : this.#names.get(localName(target.name));
    if (found === undefined && target.type === "name") this.differs("unknown-name-throws");
    return found;
  }

  #recordedResult(call: OutsideCall & { readonly type: "childSpec" }): string {
    const recorded = this.#scenario.observed.outsideCalls.find(
      ({ call: title }) =>
        title.startsWith("child_spec") && title.includes("use options") === (call.macroOptions !== undefined),
    );
    return String(recorded?.result);
  }
}

/** Where start has thrown there is no connection to call; a name that nobody has is an error of its own. */
const nobody = ({ type }: Target): string => (type === "own" ? "raised Error" : "raised NoSuchConnectionError");

function keywords(list: Term): ReadonlyMap<string, Term> {
  const found = new Map<string, Term>();
  for (const entry of list.kind === "list" ? list.items : []) {
    const [key, value] = entry.kind === "tuple" ? entry.items : [];
    if (key?.kind === "atom" && value !== undefined) found.set(key.name, value);
  }
  return found;
}

const localName = (name: Term): string =>
  showTerm(name.kind === "tuple" && isAtom(name.items[0], "local") ? (name.items[1] ?? name) : name);

function exitClassOf(reason: Term): ExitClass {
  if (isAtom(reason, "normal")) return "normal";
  if (isAtom(reason, "killed")) return "killed";
  const shutdown = isAtom(reason, "shutdown") || (reason.kind === "tuple" && isAtom(reason.items[0], "shutdown"));
  return shutdown ? "shutdown" : "custom";
}
