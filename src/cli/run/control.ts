/**
 * Who tells a running app what to do: signals and keys, or the parent process.
 */
import { EXIT_BY_SIGNAL } from "../exit-code.ts";
import type { Host } from "../host.ts";
import type { Parent } from "./parent.ts";

export interface Control {
  /** Resolves with the exit code that the signal stands for when the app is to end. A second request ends the process at once. */
  readonly ending: Promise<number>;
  /** `listener` is told whenever somebody wants to see the tree. */
  onLook(listener: () => void): void;
}

/** By signals: SIGINT, SIGTERM and SIGHUP end the app, SIGUSR2 asks for the tree. */
export function signalControl(host: Pick<Host, "onInterrupt">): Control {
  const looks = lookSignal();
  return {
    ending: new Promise((resolve) => host.onInterrupt(resolve)),
    onLook: looks,
  };
}

/** By the parent process. Signals that reach this one too are left to the parent. */
export function parentControl(parent: Parent): Control {
  for (const signal of Object.keys(EXIT_BY_SIGNAL)) process.on(signal, () => undefined);
  const onSignal = lookSignal();
  const listeners: (() => void)[] = [];
  const ending = new Promise<number>((resolve) => {
    let isEnding = false;
    parent.onMessage((message) => {
      if (message !== "gone" && message.everfresh === "look") {
        for (const listener of listeners) listener();
        return;
      }
      // Without a parent nobody could end it any more.
      const exitCode = message === "gone" ? EXIT_BY_SIGNAL.SIGTERM : message.exitCode;
      if (isEnding) process.exit(exitCode);
      isEnding = true;
      resolve(exitCode);
    });
  });
  return {
    ending,
    onLook: (listener) => {
      listeners.push(listener);
      onSignal(listener);
    },
  };
}

/** Listens from now on: without a listener the signal would end the process. */
function lookSignal(): (listener: () => void) => void {
  const listeners: (() => void)[] = [];
  // Windows has no such signal, and refuses to listen for it.
  if (process.platform !== "win32") {
    process.on("SIGUSR2", () => {
      for (const listener of listeners) listener();
    });
  }
  return (listener) => void listeners.push(listener);
}
