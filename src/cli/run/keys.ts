/**
 * Words that are typed while an app runs in a terminal, each with Enter: the terminal stays as it is, so Ctrl-C and Ctrl-Z do what they
 * always do, and whatever the app itself writes or reads isn't touched.
 */
import { readFileSync } from "node:fs";
import type { InputStream } from "../host.ts";

/** Calls back at each line that is just this word. Not if the input is no terminal: it is the app's. */
export function onTyped(
  input: InputStream,
  word: string,
  typed: () => void,
  stat: () => string | undefined = ownStat,
): void {
  if (input.isTTY !== true || isInBackground(stat())) return;
  let line = "";
  input.on("data", (chunk: Buffer | string) => {
    for (const character of String(chunk)) {
      if (character !== "\n" && character !== "\r") {
        line += character;
        continue;
      }
      if (line.trim() === word) typed();
      line = "";
    }
  });
}

/**
 * A background job that reads from its terminal is stopped by the system. `stat` is what Linux tells of a process in proc(5): behind the
 * name in parentheses come state, ppid, pgrp, session, tty_nr and tpgid, the group in the foreground, or -1 without a terminal to control it.
 */
function isInBackground(stat: string | undefined): boolean {
  const [, , group, , , foreground] = stat?.split(") ").at(-1)?.split(" ") ?? [];
  return foreground !== undefined && foreground !== "-1" && group !== foreground;
}

function ownStat(): string | undefined {
  try {
    return process.platform === "linux" ? readFileSync("/proc/self/stat", "utf8") : undefined;
  } catch {
    return undefined;
  }
}
