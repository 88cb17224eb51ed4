/**
 * A line that is typed in a terminal while other lines are printed there: it is taken off before them and put back after them.
 */
import { clearLine, createInterface, cursorTo } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { InputLine } from "./lines.ts";

export interface LineEditor {
  /** Lines as they are entered, until Ctrl-D. */
  readonly lines: AsyncIterable<InputLine>;
  /** Runs `write`, which prints whole lines, above the one that is being typed. */
  above<T>(write: () => T): T;
  /** Gives the terminal back as it was. */
  close(): void;
}

/** `onInterrupt`: Ctrl-C, which is no signal while lines are edited. */
export function editLines(input: Readable, terminal: Writable, onInterrupt: () => void): LineEditor {
  const editor = createInterface({ input, output: terminal, terminal: true, prompt: "" });
  editor.on("SIGINT", onInterrupt);
  let closed = false;
  editor.on("close", () => {
    closed = true;
  });
  // Asked for at once: what is entered before the first line is read would be lost otherwise.
  const entered = editor[Symbol.asyncIterator]();
  return {
    lines: {
      async *[Symbol.asyncIterator]() {
        for (let next = await entered.next(); !next.done; next = await entered.next()) yield { text: next.value };
      },
    },
    above(write) {
      if (closed) return write();
      cursorTo(terminal, 0);
      clearLine(terminal, 0);
      const result = write();
      // `true` keeps the cursor where it is in the line.
      editor.prompt(true);
      return result;
    },
    close: () => editor.close(),
  };
}
