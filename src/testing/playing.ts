/**
 * A script made of a plan of faults: the test server plays what a FaultProxy would do, as far as that is a server's to do.
 */
import { ArmedRules } from "./armed-rules.ts";
import { PeerError } from "./errors.ts";
import type { Fault, FaultPlan } from "./fault.ts";
import { type DrawnRule, rulesFor } from "./fault-draws.ts";
import { checkFaultPlan, FaultPlanError } from "./fault-plan.ts";
import type { Peer } from "./peer.ts";
import { isOnPeer, onlyProxy } from "./peer-faults.ts";
import { echo, type Script } from "./scripts.ts";

/**
 * Serves connections with `script` (default: echo) and plays the plan's faults meanwhile; they are counted from 1 for each such script. Rules may count
 * messages and ms, and not bytes. Where a fault has struck, what the script can't do any more is no failure. @throws FaultPlanError
 */
export function playing(plan: FaultPlan, script: Script = echo()): Script {
  checkFaultPlan(plan);
  for (const [index, { when, fault }] of plan.connections.entries()) {
    const path = `connections[${index}]`;
    checkOnPeer(fault, `${path}.fault`);
    if (when.bytes === undefined && when.phase !== "clientHello") continue;
    const what = when.bytes === undefined ? "phase" : "bytes";
    throw new FaultPlanError(
      `${path}.when.${what}`,
      `${path}.when.${what} is for a FaultProxy; a script of the test server counts messages and ms, and sees nothing of TLS.`,
    );
  }
  let count = 0;
  return async (peer, attempt) => {
    count += 1;
    const player = new Player(peer, rulesFor(plan, count));
    try {
      await script(peer, attempt);
    } catch (error) {
      if (!(error instanceof PeerError && player.hasStruck)) throw error;
    }
  };
}

/** Watches one peer, and does to it what is due. */
class Player {
  readonly #peer: Peer;
  readonly #rules: ArmedRules;
  hasStruck = false;

  constructor(peer: Peer, rules: readonly DrawnRule[]) {
    this.#peer = peer;
    this.#rules = new ArmedRules(rules);
    this.#strike(this.#rules.enter("connect"));
    peer.watch((event) => {
      if (event.type === "phase") this.#strike(this.#rules.enter(event.phase));
      else this.#strike(this.#rules.passed(event.direction, 0, true));
    });
  }

  #strike(due: readonly DrawnRule[]): void {
    for (const { when, fault, random } of due) {
      const { ms = 0 } = when;
      const strike = () => {
        this.hasStruck = true;
        this.#peer.applyDrawn(fault, random);
      };
      if (ms === 0) strike();
      else void this.#peer.delay(ms).then((stands) => stands && strike());
    }
  }
}

function checkOnPeer(fault: Fault, path: string): void {
  if (!isOnPeer(fault.type)) throw new FaultPlanError(`${path}.type`, `${path}.type: ${onlyProxy(fault.type)}`);
  if (fault.type !== "random") return;
  if (fault.of === undefined) {
    throw new FaultPlanError(
      `${path}.of`,
      `${path} needs a list of faults to choose from; by itself it would choose faults of the link, too.`,
    );
  }
  for (const [index, one] of fault.of.entries()) checkOnPeer(one, `${path}.of[${index}]`);
}
