/**
 * A program that isn't ours, as a child process: started, waited for, ended by its process id. What it says on its error output
 * is kept, and shown when something goes wrong with it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type NetConnectOpts } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { Ledger } from "../fresh/ledger.ts";

/** How long a program may take until it listens, or to end when it is told to, in ms. */
const PATIENCE = 20_000;
/** Between two looks whether it listens yet, for programs that don't tell, in ms. */
const LOOK_EVERY = 20;
/** How much of its error output is kept, in characters. */
const KEPT = 20_000;

export class PeerProcess {
  /** Its standard output, line by line. */
  readonly lines = new Ledger<string>((line) => line);
  /** Resolves when it has ended, however it did. */
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  readonly #name: string;
  /** Resolves when it has ended and all that it said has been read. */
  readonly #silent: Promise<unknown>;
  readonly #killWithUs = () => this.#child.kill("SIGKILL");
  #complaints = "";

  constructor(file: string, args: readonly string[], { env: more }: { readonly env?: NodeJS.ProcessEnv } = {}) {
    // Debian has its daemons where the PATH of a user who isn't root doesn't lead.
    const env: NodeJS.ProcessEnv = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin`, ...more };
    // A coverage of processes that aren't ours is nobody's business.
    delete env.NODE_V8_COVERAGE;
    this.#name = [file, ...args].join(" ");
    this.#child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], env });
    this.exited = new Promise((resolve) => {
      this.#child.once("error", (error) => {
        this.#complaints += error.message;
        resolve();
      });
      this.#child.once("exit", () => resolve());
    });
    this.#silent = new Promise((resolve) => this.#child.once("close", resolve));
    process.once("exit", this.#killWithUs);
    void this.exited.then(() => process.removeListener("exit", this.#killWithUs));
    const { stdout, stderr } = this.#child;
    if (stdout !== null) createInterface({ input: stdout }).on("line", (line) => this.lines.add(line));
    stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-KEPT);
    });
  }

  /** Does this, and when it fails shows what the program said. */
  async blamed<T>(what: () => Promise<T>): Promise<T> {
    try {
      return await what();
    } catch (fault) {
      if (this.#complaints !== "") console.error(`${this.#name} said:\n${this.#complaints}`);
      throw fault;
    }
  }

  /** Waits for the line of its output that is told of here. */
  async toldOf<T>(find: (line: string) => T | undefined, what: string): Promise<T> {
    const told = this.lines.nth(1, (line): line is string => find(line) !== undefined, what, PATIENCE);
    const line = await Promise.race([told, this.#silent.then(() => this.#fail("ended without a word of that"))]);
    return find(line) as T;
  }

  /** Waits until it takes connections at this place. */
  async listensAt(place: NetConnectOpts): Promise<void> {
    const deadline = Date.now() + PATIENCE;
    while (!(await takesConnections(place))) {
      if (this.hasEnded) this.#fail("ended before it listened");
      if (Date.now() > deadline) this.#fail(`does not listen after ${PATIENCE} ms`);
      await delay(LOOK_EVERY);
    }
  }

  get hasEnded(): boolean {
    return this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Ends it as its makers wish to be ended, and if that doesn't help, without a word. */
  async stop(): Promise<void> {
    if (this.hasEnded) return;
    const force = setTimeout(() => this.#child.kill("SIGKILL"), PATIENCE);
    this.#child.kill("SIGTERM");
    await this.exited;
    clearTimeout(force);
  }

  /** SIGKILL: the system closes its sockets, and nobody says goodbye. */
  async kill(): Promise<void> {
    if (this.hasEnded) return;
    this.#child.kill("SIGKILL");
    await this.exited;
  }

  #fail(what: string): never {
    throw new Error(`${this.#name} ${what}. It said:\n${this.#complaints}`);
  }
}

/** Ports of this address that were free a moment ago, for programs that can't choose one themselves. */
export async function freePorts(count: number, host = "127.0.0.1"): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, host));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  await Promise.all(servers.map((server) => once(server, "close")));
  return ports;
}

export async function freePort(host: string): Promise<number> {
  const [port] = await freePorts(1, host);
  return port as number;
}

function takesConnections(place: NetConnectOpts): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(place);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
