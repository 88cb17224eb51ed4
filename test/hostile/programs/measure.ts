/** Memory that is really held: what is left once the collector has taken all it can. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes of objects and of buffers. */
export function heldMemory(): number {
  // Twice: the memory of buffers is given back a little behind the objects that stood for it.
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
