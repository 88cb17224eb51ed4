/**
 * What passes between `everfresh run` and the process of its own in which it may have to run the app: with --watch, and where Node
 * needs options for the app.
 *
 * Who ends a service often signals all its processes at once (a terminal's Ctrl-C, systemd, timeout). So the process of the app
 * leaves signals alone and hears from its parent only, once each time.
 */

export type ToChild = { readonly everfresh: "end"; readonly exitCode: number } | { readonly everfresh: "look" };
export type ToParent = { readonly everfresh: "needs"; readonly nodeOptions: readonly string[] };

/** Names the parent to its child, and to nobody below that inherits the environment. */
export const PARENT_VARIABLE = "EVERFRESH_RUN_PARENT";

export type Parent = {
  send(message: ToParent): Promise<void>;
  /** Told of each message; "gone" when there is no parent any more. */
  onMessage(listener: (message: ToChild | "gone") => void): void;
};

/** The `everfresh run` that has started this process, if one has. */
export function parentOf(child: NodeJS.Process): Parent | undefined {
  if (child.send === undefined || child.env[PARENT_VARIABLE] !== String(child.ppid)) return undefined;
  return {
    send: (message) => new Promise((resolve) => child.send?.(message, () => resolve())),
    onMessage: (listener) => {
      child.on("message", (message) => {
        if (isOurs(message)) listener(message as ToChild);
      });
      child.once("disconnect", () => listener("gone"));
    },
  };
}

/** Others may send through the same channel. */
export function isOurs(message: unknown): message is ToChild | ToParent {
  return typeof message === "object" && message !== null && "everfresh" in message;
}
