/**
 * What a supervisor needs to know of a child (Erlang/OTP, Supervisor Behaviour, "Child Specification"), and the forms in which
 * a list of children may say it.
 */
import { nearestName } from "../nearest.ts";
import type { Child } from "./child.ts";
import { SupervisorError } from "./errors.ts";

/** When a child that has exited is started again: always, only after a fault, or never. */
export type Restart = "permanent" | "transient" | "temporary";

export type StartContext = {
  /** Aborts when the supervisor is stopped before the child has come: then it isn't wanted any more, and its start should end. */
  readonly signal: AbortSignal;
};

export type ChildSpec = {
  /** Unlike that of the other children of its supervisor. */
  readonly id: string;
  /**
   * Starts it. Undefined, or a promise of it, says that there is nothing to run now (OTP's `ignore`); a throw or a rejection, that it
   * can't be started. No other child of the supervisor is started meanwhile.
   */
  start(context: StartContext): Child | undefined | Promise<Child | undefined>;
  /** Default "permanent", as in OTP; a module's own childSpec says "transient", as Fresh's does. */
  readonly restart?: Restart;
  /**
   * Milliseconds that the child has to end when it is told to; then it is cut off. "brutal_kill" gives it none, "infinity" all it
   * takes. Default 5000 for a worker, "infinity" for a supervisor.
   */
  readonly shutdown?: number | "brutal_kill" | "infinity";
  /** Default "worker". It decides the default of `shutdown`, and how countChildren() counts. */
  readonly type?: "worker" | "supervisor";
  /** Its end by itself may end the supervisor: see `autoShutdown`. Not for permanent children. Default false. */
  readonly significant?: boolean;
};

/** What can make a specification of itself: a FreshModule, or an object with such a method. */
export type ChildSpecSource<Arguments> = { childSpec(args: Arguments): ChildSpec };

/** The forms in which a child may be given: a specification, a module with its arguments, or a module that needs none. */
export type ChildInput =
  | ChildSpec
  // biome-ignore lint/suspicious/noExplicitAny: each pair has a type of its own, and a list holds all of them.
  | readonly [source: ChildSpecSource<any>, args: any]
  | ChildSpecSource<undefined>;

/** A specification with its defaults filled in. */
export type ResolvedSpec = Required<ChildSpec>;

/** How long a child has to end, in ms. */
export function millisecondsOf(shutdown: ResolvedSpec["shutdown"]): number {
  return shutdown === "brutal_kill" ? 0 : shutdown === "infinity" ? Number.POSITIVE_INFINITY : shutdown;
}

/** @throws SupervisorError with the reason "bad_spec" */
export function resolveSpec(input: ChildInput): ResolvedSpec {
  const spec = specOf(input);
  if (typeof spec !== "object" || spec === null) {
    throw bad(`A child is { id, start }, [Module, args], or something with a childSpec(); it got ${describe(spec)}.`);
  }
  checkNames(spec);
  const { id, type = "worker", restart = "permanent", significant = false } = spec;
  const { shutdown = type === "supervisor" ? "infinity" : 5000 } = spec;
  if (typeof id !== "string" || id === "")
    throw bad(`A child's id is a string that isn't empty; it got ${describe(id)}.`);
  const of = `The child ${JSON.stringify(id)} has`;
  if (typeof spec.start !== "function") throw bad(`${of} no function start, which is what starts it.`);
  if (!["permanent", "transient", "temporary"].includes(restart)) {
    throw bad(`${of} restart: ${describe(restart)}. It takes "permanent", "transient" or "temporary".`);
  }
  if (type !== "worker" && type !== "supervisor") {
    throw bad(`${of} type: ${describe(type)}. It takes "worker" or "supervisor".`);
  }
  if (shutdown !== "brutal_kill" && shutdown !== "infinity" && !(typeof shutdown === "number" && shutdown >= 0)) {
    throw bad(`${of} shutdown: ${describe(shutdown)}. It takes milliseconds, "brutal_kill" or "infinity".`);
  }
  if (typeof significant !== "boolean")
    throw bad(`${of} significant: ${describe(significant)}. It takes true or false.`);
  if (significant && restart === "permanent") {
    throw bad(
      `${of} significant: true, which only transient and temporary children may be: a permanent one is always restarted.`,
    );
  }
  return { id, start: (context) => spec.start(context), restart, shutdown, type, significant };
}

function specOf(input: ChildInput): ChildSpec {
  if (Array.isArray(input)) {
    const [source, args] = input as readonly [ChildSpecSource<unknown>, unknown];
    if (typeof source?.childSpec !== "function") throw bad("Of [Module, args], the first has no childSpec(args).");
    return source.childSpec(args);
  }
  return typeof input === "object" && input !== null && "childSpec" in input
    ? input.childSpec(undefined)
    : (input as ChildSpec);
}

const NAMES = ["id", "start", "restart", "shutdown", "type", "significant"];

function checkNames(spec: ChildSpec): void {
  for (const key of Object.keys(spec)) {
    if (NAMES.includes(key)) continue;
    const nearest = nearestName(key, NAMES);
    const hint = nearest === undefined ? `It takes ${NAMES.join(", ")}.` : `Did you mean ${nearest}?`;
    throw bad(`The child ${describe(spec.id)} has ${key}, which means nothing. ${hint}`);
  }
}

function bad(message: string): SupervisorError {
  return new SupervisorError("bad_spec", message);
}

function describe(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : value === null ? "null" : String(value);
}
