/**
 * Dynamic supervisors, as programs start them.
 */
import type { ChildSpec } from "./child-spec.ts";
import { DynamicSupervisorProcess } from "./dynamic-supervisor-process.ts";
import { type Name, whoHas } from "./names.ts";
import type { DynamicSupervisorOptions } from "./supervisor-options.ts";

/** A dynamic supervisor that runs. */
export type DynamicSupervisor = Pick<DynamicSupervisorProcess, keyof DynamicSupervisorProcess>;

/** What a dynamic supervisor under a supervisor is made of. */
export type DynamicSupervisorArguments = {
  readonly options?: DynamicSupervisorOptions;
  /** Its id among its siblings. Default its name if that is a string, else "DynamicSupervisor". */
  readonly id?: string;
};

/** Starts and stops children at any time, thousands of a kind. */
export const DynamicSupervisor = {
  /** @throws SupervisorError for what can't be used ("bad_option"); NameTakenError */
  start: (options: DynamicSupervisorOptions = {}): DynamicSupervisor =>
    new DynamicSupervisorProcess(options, "unlinked"),
  /** As start, and linked: when it gives up outside of another supervisor, that is raised as an uncaught LinkedExitError. */
  startLink: (options: DynamicSupervisorOptions = {}): DynamicSupervisor =>
    new DynamicSupervisorProcess(options, "linked"),
  /** A dynamic supervisor as a child of a supervisor: type "supervisor", restart "permanent", shutdown "infinity". */
  childSpec: ({ options = {}, id }: DynamicSupervisorArguments = {}): ChildSpec => ({
    id: id ?? (typeof options.name === "string" ? options.name : "DynamicSupervisor"),
    start: () => new DynamicSupervisorProcess(options, "unlinked"),
    type: "supervisor",
  }),
  /** The dynamic supervisor that has this name now. */
  whereis(name: Name): DynamicSupervisor | undefined {
    const holder = whoHas(name);
    return holder instanceof DynamicSupervisorProcess ? holder : undefined;
  },
} as const;
