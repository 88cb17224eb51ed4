/**
 * The front door: `Fresh.define`, `start`, `send` and their siblings, and the names under which connections are found.
 */
import { platform } from "#platform";
import {
  CALLBACK_NAMES,
  type Callbacks,
  type Connection,
  type ConnectionRef,
  type FreshModule,
  type Options,
  type SendResult,
  type StartArguments,
} from "./behaviour.ts";
import { ConnectionProcess } from "./connection/connection.ts";
import { AlreadyStartedError, InvalidUriError, NoSuchConnectionError } from "./connection/errors.ts";
import type { Provider, SendOptions } from "./connection/option-types.ts";
import { type ResolvedOptions, resolveOptions } from "./connection/options.ts";
import { parseUri } from "./connection/uri.ts";
import type { FrameLike } from "./frame.ts";
import type { Platform } from "./platform/platform.ts";
import { isOrderly } from "./supervision/exit-reason.ts";
import { type Link, raiseUnlessAdopted } from "./supervision/link.ts";
import { claimName, describeName, isName, type Name, NameTakenError, whoHas } from "./supervision/names.ts";

/** A connection that may be asked about without knowing its state's type. */
// biome-ignore lint/suspicious/noExplicitAny: a Connection<S> is invariant in S, and a table of names holds all of them.
type AnyConnection = Connection<any>;

function launch<S>(module: FreshModule<S>, args: StartArguments<S>, link: Link): Connection<S> {
  if (typeof args !== "object" || args === null || !("uri" in args) || !("state" in args)) {
    throw new TypeError(
      `${module.name}.start() takes { uri, state, options? }; ${missing(args)} Give both, state: undefined if there is none.`,
    );
  }
  const { uri } = args;
  const options = resolveOptions<Connection<S>>(args.options);
  const target = typeof uri === "function" ? uri : parseUri(uri);
  const { name } = options;
  let release = (): void => undefined;
  const connection: ConnectionProcess<S> = new ConnectionProcess<S>({
    uri: typeof uri === "function" ? undefined : String(uri),
    target,
    module,
    state: args.state,
    options,
    platform: platformFor(options),
    onExit: (reason) => {
      release();
      if (link === "linked" && !isOrderly(reason)) {
        const known = connection.name === undefined ? connection.module.name : describeName(connection.name);
        raiseUnlessAdopted(connection, `connection ${known}`, reason);
      }
    },
  });
  if (name !== undefined) release = claim(name, connection);
  connection.start();
  return connection;
}

/** The machine's own platform, with the clock and the chance of these options where they have some. */
function platformFor({ clock, random }: Pick<ResolvedOptions, "clock" | "random">): Platform {
  if (clock === undefined && random === undefined) return platform;
  return { ...platform, clock: clock ?? platform.clock, random: random ?? platform.random };
}

function missing(args: unknown): string {
  if (typeof args !== "object" || args === null) return "it got no object.";
  const lacks = ["uri", "state"].filter((key) => !(key in args));
  return `${lacks.join(" and ")} ${lacks.length === 1 ? "is" : "are"} missing.`;
}

function claim(name: Name, connection: AnyConnection): () => void {
  try {
    return claimName(name, connection);
  } catch (error) {
    // A supervisor may have the name, and is no connection.
    if (error instanceof NameTakenError && isConnection(error.holder))
      throw new AlreadyStartedError(describeName(name), error.holder);
    throw error;
  }
}

function define<S>(name: string, callbacks: Partial<Callbacks<S>>): FreshModule<S> {
  if (typeof name !== "string" || name === "") {
    throw new TypeError("Fresh.define() takes the module's name first, a string that isn't empty.");
  }
  checkCallbacks(name, callbacks);
  const module: FreshModule<S> = {
    name,
    callbacks,
    start: (args) => launch(module, args, "unlinked"),
    startLink: (args) => launch(module, args, "linked"),
    // A supervisor watches `exited`, so its children need no link.
    childSpec: (args) => ({ id: name, start: () => module.start(args), restart: "transient" }),
  };
  return module;
}

function checkCallbacks(name: string, callbacks: unknown): void {
  if (typeof callbacks !== "object" || callbacks === null) {
    throw new TypeError(`The module ${name} takes an object of callbacks: ${CALLBACK_NAMES.join(", ")}.`);
  }
  for (const callback of CALLBACK_NAMES) {
    const value = (callbacks as Record<string, unknown>)[callback];
    if (value !== undefined && typeof value !== "function") {
      throw new TypeError(`The module ${name} has a ${callback} that is no function.`);
    }
  }
  // A misspelt callback would never be called, and nobody would know. Other methods are the module's own business.
  for (const key of Object.keys(callbacks)) {
    if (/^handle[A-Z]/.test(key) && !(CALLBACK_NAMES as readonly string[]).includes(key)) {
      throw new TypeError(
        `The module ${name} has a ${key}, which is no callback. There are ${CALLBACK_NAMES.join(", ")}.`,
      );
    }
  }
}

/** A module made of a plain object or class instance is made once, so that `connection.module` stays the same. */
const modules = new WeakMap<object, unknown>();

function moduleOf<S>(given: FreshModule<S> | Partial<Callbacks<S>>): FreshModule<S> {
  if (typeof given === "object" && given !== null && "callbacks" in given) return given as FreshModule<S>;
  const known = typeof given === "object" && given !== null ? modules.get(given) : undefined;
  if (known !== undefined) return known as FreshModule<S>;
  const name = given?.constructor?.name;
  const module = define<S>(name === undefined || name === "" || name === "Object" ? "Anonymous" : name, given);
  modules.set(given, module);
  return module;
}

function find(ref: ConnectionRef): AnyConnection {
  if (isConnection(ref)) return ref;
  const found = whereis(ref);
  if (found !== undefined) return found;
  throw new NoSuchConnectionError(
    `There is no connection named ${describeName(ref)}. It was never started, or it has terminated; Fresh.whereis() tells without an error.`,
  );
}

function whereis(name: Name): AnyConnection | undefined {
  if (!isName(name)) return undefined;
  const holder = whoHas(name);
  return isConnection(holder) ? holder : undefined;
}

function isConnection(value: unknown): value is AnyConnection {
  return typeof value === "object" && value !== null && "send" in value;
}

/** The front door of the library: everything that Elixir's `Fresh` has, under its name there. */
export interface FreshApi {
  /**
   * Makes a module of callbacks; all of them are optional.
   * @example const Echo = Fresh.define<number>("Echo", { handleIn: (frame, count) => reply(frame, count + 1) });
   * @throws TypeError for a callback that is no function, and for a `handle…` that is no callback
   */
  define<S>(name: string, callbacks: Partial<Callbacks<S>>): FreshModule<S>;
  /**
   * Starts a connection and returns at once; it is connecting then, and reconnects until told otherwise.
   * `module` is one that `define` made, a plain object of callbacks, or a class instance with such methods.
   * @throws InvalidUriError, InvalidOptionError, AlreadyStartedError: all before anything has been opened
   */
  start<S>(
    uri: string | URL | Provider<string | URL>,
    module: FreshModule<S>,
    state: NoInfer<S>,
    options?: Options<NoInfer<S>>,
  ): Connection<S>;
  start<S>(
    uri: string | URL | Provider<string | URL>,
    module: Partial<Callbacks<NoInfer<S>>>,
    state: S,
    options?: Options<NoInfer<S>>,
  ): Connection<S>;
  /** As start, and linked: an end with a fault is raised as an uncaught LinkedExitError. */
  startLink<S>(
    uri: string | URL | Provider<string | URL>,
    module: FreshModule<S>,
    state: NoInfer<S>,
    options?: Options<NoInfer<S>>,
  ): Connection<S>;
  startLink<S>(
    uri: string | URL | Provider<string | URL>,
    module: Partial<Callbacks<NoInfer<S>>>,
    state: S,
    options?: Options<NoInfer<S>>,
  ): Connection<S>;
  /** Sends a frame: "sent", "queued" in the outbox, or "dropped". @throws NoSuchConnectionError */
  send(ref: ConnectionRef, frame: FrameLike, options?: SendOptions): SendResult;
  /** Closes the connection, by default with 1000 and ""; its handleDisconnect decides what follows. @throws NoSuchConnectionError */
  close(ref: ConnectionRef, code?: number, reason?: string): void;
  /** Is it open? @throws NoSuchConnectionError */
  isOpen(ref: ConnectionRef): boolean;
  /** Elixir's `send(pid, message)`: hands a value to handleInfo, in every state. @throws NoSuchConnectionError */
  info(ref: ConnectionRef, message: unknown): void;
  /** The connection that has this name now. */
  whereis(name: Name): AnyConnection | undefined;
}

function startWith<S>(link: Link) {
  return (
    uri: string | URL | Provider<string | URL>,
    module: FreshModule<S> | Partial<Callbacks<S>>,
    state: S,
    options?: Options<S>,
  ): Connection<S> => {
    if (uri === undefined) throw new InvalidUriError("Fresh.start() takes the uri first; it got none.");
    return launch(moduleOf(module), { uri, state, ...(options === undefined ? {} : { options }) }, link);
  };
}

export const Fresh: FreshApi = {
  define,
  start: startWith("unlinked") as FreshApi["start"],
  startLink: startWith("linked") as FreshApi["startLink"],
  send: (ref, frame, options) => find(ref).send(frame, options),
  close: (ref, code, reason) => find(ref).close(code, reason),
  isOpen: (ref) => find(ref).isOpen,
  info: (ref, message) => find(ref).info(message),
  whereis,
};
