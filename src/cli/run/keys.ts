/**
 * Words that are typed while an app runs in a terminal, each with Enter: the terminal stays as it is, so Ctrl-C and Ctrl-Z do what they
 * always do, and whatever the app itself writes or reads isn't touched.
 */
import { readFileSync } from "node:fs";
import type { InputStream } from "../host.ts";

/** Calls back at each line that is just this word. Not if the input is no terminal: it is the app's. */
export function onTyped(input: InputStream, word: string, typed: () => void): void {
  if (input.isTTY !== true || !isInForeground()) return;
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

/** A background job that reads from its terminal is stopped by the system. Where that can't be known, it is taken for no such job. */
function isInForeground(): boolean {
  if (process.platform !== "linux") return true;
  try {
    // proc(5): behind the name in parentheses come state, ppid, pgrp, session, tty_nr, tpgid.
    const [, , group, , , foreground] = (readFileSync("/proc/self/stat", "utf8").split(") ").at(-1) as string).split(
      " ",
    );
    return group === foreground;
  } catch {
    return true;
  }
}
