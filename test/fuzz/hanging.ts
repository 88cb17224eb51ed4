/** A program that hangs on its third input, with the watch set: for fuzz.test.ts. Its argument is the folder to keep that in. */
import { watchForHangs } from "./hang-watch.ts";
import type { Target } from "./target.ts";

const target: Target = {
  name: "hanging",
  corpus: "to-client",
  check(input) {
    for (;;) if (input[0] !== 3) return "";
  },
};
const watch = watchForHangs([target], { tooLong: 200, folder: process.argv[2] as string });
// The thread has to be there before this one stops being.
setTimeout(async () => {
  for (const number of [1, 2, 3]) {
    const input = Uint8Array.of(number, 7);
    watch.begin(target, input);
    await target.check(input, undefined as never);
  }
}, 300);
