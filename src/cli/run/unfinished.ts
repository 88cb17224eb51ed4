/**
 * Who of an app hasn't ended, when its time to end is over.
 */
import type { Child } from "../../index.ts";
import type { App } from "./app.ts";

/** Names in a sentence; the others are counted. */
const NAMED = 10;

/** Looks at all children as they stand now; the answer tells who of them hasn't ended when it is asked. */
export function watchEnds(app: App): () => string {
  const open = new Map<Child, string>();
  const add = (child: Child, path: string): void => {
    const below = (child as App).whichChildren?.();
    if (below === undefined) {
      open.set(child, path);
      const over = (): void => void open.delete(child);
      child.exited.then(over, over);
    }
    for (const info of below ?? []) {
      if (typeof info.child === "object") add(info.child, path === "" ? info.id : `${path}/${info.id}`);
    }
  };
  add(app, "");
  return () => {
    const names = [...open.values()].filter((path) => path !== "");
    const rest = names.length > NAMED ? ` and ${names.length - NAMED} more` : "";
    return names.length === 0 ? "the app itself" : `${names.slice(0, NAMED).join(", ")}${rest}`;
  };
}
