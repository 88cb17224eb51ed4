/**
 * An app in a process of its own, under the process that the user has started and signals.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { EXIT_CUT_OFF } from "../exit-code.ts";
import { isOurs, PARENT_VARIABLE, type ToChild, type ToParent } from "./parent.ts";
import type { Plan } from "./plan.ts";

/** How much longer than its own deadline a process may take to end, in ms, before it is killed: its event loop may hang. */
const GRACE = 2000;

export type AppEnd =
  | { readonly type: "ended"; readonly exitCode: number }
  /** Nothing has run: Node has to be started with these options. */
  | { readonly type: "needs"; readonly nodeOptions: readonly string[] };

export class AppProcess {
  readonly ended: Promise<AppEnd>;
  readonly #child: ChildProcess;
  readonly #timeout: number;

  constructor({ file, timeout, quiet }: Plan, nodeOptions: readonly string[]) {
    const command = process.argv[1] as string;
    const args = ["run", "--timeout", String(timeout), ...(quiet ? ["--quiet"] : []), file];
    const child = spawn(process.execPath, [...process.execArgv, ...nodeOptions, command, ...args], {
      stdio: ["inherit", "inherit", "inherit", "ipc"],
      env: { ...process.env, [PARENT_VARIABLE]: String(process.pid) },
    });
    this.#child = child;
    this.#timeout = timeout;
    // However this process ends, the app doesn't outlive it.
    const kill = (): void => void child.kill("SIGKILL");
    process.once("exit", kill);
    let needs: readonly string[] | undefined;
    child.on("message", (message) => {
      if (isOurs(message) && message.everfresh === "needs") needs = (message as ToParent).nodeOptions;
    });
    this.ended = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => {
        process.removeListener("exit", kill);
        const exitCode = code ?? (this.#isCutOff ? EXIT_CUT_OFF : 128 + constants.signals[signal as NodeJS.Signals]);
        resolve(needs === undefined ? { type: "ended", exitCode } : { type: "needs", nodeOptions: needs });
      });
    });
  }

  #isCutOff = false;

  /** Tells it to end in order. `exitCode`: of the signal that asks for it. */
  end(exitCode: number): void {
    this.#tell({ everfresh: "end", exitCode });
    const timer = setTimeout(() => {
      this.#isCutOff = true;
      this.#child.kill("SIGKILL");
    }, this.#timeout + GRACE);
    void this.ended.then(() => clearTimeout(timer));
  }

  look(): void {
    this.#tell({ everfresh: "look" });
  }

  #tell(message: ToChild): void {
    // It may have ended just now, which `ended` says.
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }
}
