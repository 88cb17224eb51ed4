/**
 * A plan's way in: from a JSON text or from code, checked as a whole, with a sentence that says what is wrong and where.
 */
import { inspect } from "node:util";
import { nearestName } from "../nearest.ts";
import type { Fault, FaultPhase, FaultPlan, FaultType } from "./fault.ts";
import {
  CONNECTION_FIELD,
  FAULT_FIELDS,
  type Field,
  FRAME_FIELDS,
  PHASES,
  RANGE_FIELDS,
  SEED_FIELD,
  TRIGGER_FIELDS,
} from "./fault-schema.ts";

/** A plan that can't be carried out. `path` is where: `connections[0].fault.ms`; "" for the plan as a whole. */
export class FaultPlanError extends Error {
  override readonly name = "FaultPlanError";
  readonly path: string;

  constructor(path: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.path = path;
  }
}

type Properties = Readonly<Record<string, unknown>>;

const FAULT_TYPES = Object.keys(FAULT_FIELDS) as FaultType[];
/** Faults that make sense in one phase only. */
const ONLY_AT: Partial<Record<FaultType, FaultPhase>> = { refuse: "request", tlsAlert: "clientHello" };
/** A fault within a fault's `of`, within that … */
const MOST_NESTED = 8;

/** Reads a plan from the text of a JSON file. @throws FaultPlanError */
export function parseFaultPlan(text: string): FaultPlan {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new FaultPlanError("", `The plan is no JSON: ${(error as Error).message}`, error);
  }
  return checkFaultPlan(value);
}

/** The same plan, if it is one. @throws FaultPlanError */
export function checkFaultPlan(value: unknown): FaultPlan {
  const plan = properties(value, "", ["seed", "connections"]);
  if (plan.seed !== undefined) check(SEED_FIELD, plan.seed, "seed");
  if (!Array.isArray(plan.connections)) {
    throw wrong("connections", 'a list of rules, such as [{ "when": …, "fault": … }]', plan.connections);
  }
  for (const [index, rule] of plan.connections.entries()) checkRule(rule, `connections[${index}]`);
  return value as FaultPlan;
}

/** The same fault, if it is one that can happen in this phase. @throws FaultPlanError */
export function checkFault(value: unknown, phase: FaultPhase | undefined, path = "fault", depth = 0): Fault {
  const given = properties(value, path, undefined);
  const type = given.type as FaultType;
  if (typeof given.type !== "string" || !Object.hasOwn(FAULT_FIELDS, given.type)) {
    throw new FaultPlanError(
      `${path}.type`,
      `${path}.type is ${show(given.type)}, which is no fault${didYouMean(given.type, FAULT_TYPES)} There are ${FAULT_TYPES.join(", ")}.`,
    );
  }
  checkFields({ type: { takes: "", accepts: () => true }, ...FAULT_FIELDS[type] }, given, path);
  const only = ONLY_AT[type];
  if (only !== undefined && phase !== only) {
    throw new FaultPlanError(
      path,
      `${path} is "${type}", which happens at the phase "${only}" and at no other; this one's is ${phase === undefined ? "any" : `"${phase}"`}.`,
    );
  }
  if (type === "inject") checkFrame(given.frame, `${path}.frame`);
  if (type === "random" && given.of !== undefined) checkChoices(given.of, phase, `${path}.of`, depth);
  return value as Fault;
}

function checkRule(value: unknown, path: string): void {
  const rule = properties(value, path, ["connection", "when", "fault"]);
  const { connection } = rule;
  if (isProperties(connection)) checkFields(RANGE_FIELDS, connection, `${path}.connection`);
  else if (connection !== undefined) check(CONNECTION_FIELD, connection, `${path}.connection`);
  const when = properties(rule.when, `${path}.when`, undefined);
  if (typeof when.phase === "string" && !(PHASES as readonly string[]).includes(when.phase)) {
    throw new FaultPlanError(
      `${path}.when.phase`,
      `${path}.when.phase is ${show(when.phase)}, which is no phase${didYouMean(when.phase, PHASES)} There are ${PHASES.join(", ")}.`,
    );
  }
  checkFields(TRIGGER_FIELDS, when, `${path}.when`);
  if (when.messages !== undefined && when.phase !== "open") {
    throw new FaultPlanError(
      `${path}.when.messages`,
      `${path}.when.messages counts messages in the phase "open"; in the phase "${String(when.phase)}" there are none.`,
    );
  }
  checkFault(rule.fault, when.phase as FaultPhase, `${path}.fault`);
}

function checkFrame(value: unknown, path: string): void {
  const frame = properties(value, path, undefined);
  checkFields(FRAME_FIELDS, frame, path);
  if (frame.payload !== undefined && frame.size !== undefined) {
    throw new FaultPlanError(path, `${path} has a payload and a size; a frame has one of the two.`);
  }
}

function checkChoices(value: unknown, phase: FaultPhase | undefined, path: string, depth: number): void {
  if (!Array.isArray(value) || value.length === 0) throw wrong(path, "a list of faults that isn't empty", value);
  if (depth >= MOST_NESTED) throw new FaultPlanError(path, `${path} is ${MOST_NESTED} faults deep; make it flatter.`);
  for (const [index, fault] of value.entries()) checkFault(fault, phase, `${path}[${index}]`, depth + 1);
}

function checkFields(fields: Readonly<Record<string, Field | "nested">>, given: Properties, path: string): void {
  for (const key of Object.keys(given))
    if (!Object.hasOwn(fields, key)) throw unknownKey(path, key, Object.keys(fields));
  for (const [key, field] of Object.entries(fields)) {
    if (field === "nested") continue;
    if (given[key] !== undefined) check(field, given[key], `${path}.${key}`);
    else if (field.required) {
      throw new FaultPlanError(`${path}.${key}`, `${path} lacks ${key}, which takes ${field.takes}.`);
    }
  }
}

function check(field: Field, value: unknown, path: string): void {
  if (!field.accepts(value)) throw wrong(path, field.takes, value);
}

function properties(value: unknown, path: string, keys: readonly string[] | undefined): Properties {
  if (!isProperties(value)) throw wrong(path, "an object", value);
  for (const key of keys === undefined ? [] : Object.keys(value)) {
    if (keys?.includes(key) === false) throw unknownKey(path, key, keys);
  }
  return value;
}

function isProperties(value: unknown): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wrong(path: string, takes: string, value: unknown): FaultPlanError {
  return new FaultPlanError(path, `${path === "" ? "The plan" : path} takes ${takes}; it got ${show(value)}.`);
}

function unknownKey(path: string, key: string, known: readonly string[]): FaultPlanError {
  const where = path === "" ? "The plan" : path;
  return new FaultPlanError(
    path === "" ? key : `${path}.${key}`,
    `${where} has a ${JSON.stringify(key)}, which it doesn't take${didYouMean(key, known)} It takes ${known.join(", ")}.`,
  );
}

function didYouMean(name: unknown, known: readonly string[]): string {
  const nearest = typeof name === "string" ? nearestName(name, known) : undefined;
  return nearest === undefined ? "." : `; did you mean "${nearest}"?`;
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = typeof value === "string" ? JSON.stringify(value) : inspect(value, { breakLength: Infinity });
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
