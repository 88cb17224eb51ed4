/**
 * Supervisors, as programs start them.
 */
import type { Child } from "./child.ts";
import type { ChildInput, ChildSpec } from "./child-spec.ts";
import { type Name, whoHas } from "./names.ts";
import type { SupervisorOptions } from "./supervisor-options.ts";
import { SupervisorProcess } from "./supervisor-process.ts";

/** A supervisor that runs. */
export type Supervisor = Pick<SupervisorProcess, keyof SupervisorProcess>;

/** What a supervisor under a supervisor is made of. */
export type SupervisorArguments = {
  readonly children: readonly ChildInput[];
  readonly options?: SupervisorOptions;
  /** Its id among its siblings. Default its name if that is a string, else "Supervisor". */
  readonly id?: string;
};

/** Starts children in order, restarts those that end as the strategy has it, and stops them in reverse. */
export const Supervisor = {
  /**
   * Starts a supervisor and its children. Children whose start needs no wait run when this returns; `started` tells of the others.
   * @throws SupervisorError for what can't be used ("bad_spec", "bad_option"); NameTakenError
   */
  start: (children: readonly ChildInput[], options: SupervisorOptions = {}): Supervisor =>
    new SupervisorProcess(children, options, "unlinked"),
  /** As start, and linked: when it gives up or shuts itself down outside of another supervisor, that is raised as an uncaught LinkedExitError. */
  startLink: (children: readonly ChildInput[], options: SupervisorOptions = {}): Supervisor =>
    new SupervisorProcess(children, options, "linked"),
  /** A supervisor as a child of another: type "supervisor", restart "permanent", shutdown "infinity". */
  childSpec: ({ children, options = {}, id }: SupervisorArguments): ChildSpec => ({
    id: id ?? (typeof options.name === "string" ? options.name : "Supervisor"),
    start: ({ signal }) => startUnder(children, options, signal),
    type: "supervisor",
  }),
  /** The supervisor that has this name now. */
  whereis(name: Name): Supervisor | undefined {
    const holder = whoHas(name);
    return holder instanceof SupervisorProcess ? holder : undefined;
  },
} as const;

// As in OTP, a supervisor that can't start its children is a child that can't be started.
function startUnder(
  children: readonly ChildInput[],
  options: SupervisorOptions,
  signal: AbortSignal,
): Child | Promise<Child> {
  const supervisor = new SupervisorProcess(children, options, "unlinked");
  if (supervisor.isStarted) return supervisor;
  signal.addEventListener("abort", () => void supervisor.stop("shutdown"), { once: true });
  return supervisor.started.then(() => supervisor);
}
