/**
 * The rules of one connection that wait for their moment: first for their phase, then for messages, then for bytes in their direction. What
 * ms they wait after that is the connection's to count.
 */
import type { FaultDirection, FaultPhase } from "./fault.ts";
import type { DrawnRule } from "./fault-draws.ts";

type Armed = { readonly rule: DrawnRule; messagesLeft: number; bytesLeft: number };

export class ArmedRules {
  readonly #waiting: Set<DrawnRule>;
  readonly #armed: Record<FaultDirection, Set<Armed>> = { toClient: new Set(), toServer: new Set() };

  constructor(rules: readonly DrawnRule[]) {
    this.#waiting = new Set(rules);
  }

  /** A phase begins: the rules that wait for nothing more than that. The others begin to count. */
  enter(phase: FaultPhase): readonly DrawnRule[] {
    const due: DrawnRule[] = [];
    for (const rule of this.#waiting) {
      const { when } = rule;
      if (when.phase !== phase) continue;
      this.#waiting.delete(rule);
      const { messages = 0, bytes = 0, direction = "toClient" } = when;
      if (messages === 0 && bytes === 0) due.push(rule);
      else this.#armed[direction].add({ rule, messagesLeft: messages, bytesLeft: bytes });
    }
    return due;
  }

  /** How many bytes may pass in this direction before some rule is due; Infinity when none counts bytes. */
  limit(direction: FaultDirection): number {
    let limit = Number.POSITIVE_INFINITY;
    for (const { messagesLeft, bytesLeft } of this.#armed[direction]) {
      if (messagesLeft === 0) limit = Math.min(limit, bytesLeft);
    }
    return limit;
  }

  /** So many bytes, no more than the limit, have passed in this direction, and perhaps a message ended with them: the rules that are due now. */
  passed(direction: FaultDirection, bytes: number, endsMessage: boolean): readonly DrawnRule[] {
    const armed = this.#armed[direction];
    if (armed.size === 0) return [];
    const due: DrawnRule[] = [];
    for (const one of armed) {
      if (one.messagesLeft > 0) {
        if (endsMessage) one.messagesLeft -= 1;
      } else one.bytesLeft -= bytes;
      if (one.messagesLeft > 0 || one.bytesLeft > 0) continue;
      armed.delete(one);
      due.push(one.rule);
    }
    return due;
  }
}
