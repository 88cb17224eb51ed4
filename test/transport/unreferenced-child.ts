/**
 * A process that opens a channel with `ref: false`, holds itself awake until it is told the given thing, and from then on has
 * nothing else to stay for. Arguments: the address, and "connected", "opened" or "ended".
 */
import { open } from "./recorder.ts";

const [url = "", until] = process.argv.slice(2);
const awake = setInterval(() => undefined, 1000);
open(url, { ref: false, closeTimeout: 60000 }, (said) => {
  console.log(said.type);
  if (said.type === until) clearInterval(awake);
});
