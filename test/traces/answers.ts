/**
 * What the scenario's module answers: the first rule that fits a call, or the library's default where none does.
 */
import type { Rule, Scenario } from "./scenario.ts";
import { parseTerm } from "./term-reader.ts";
import { evaluateTerm, matchesTerm, showTerm, string, type Term } from "./terms.ts";

export type Answer =
  | { readonly type: "default" }
  | { readonly type: "return"; readonly term: Term }
  /** `raise`, `throw` or `exit`, with what was raised, thrown or exited with. */
  | { readonly type: "fault"; readonly way: "raise" | "throw" | "exit"; readonly term: Term };

export type Answered = { readonly answer: Answer; readonly blocksForMs: number };

export class Answers {
  readonly #rules: Scenario["client"]["callbacks"];
  readonly #calls = new Map<string, number>();

  constructor(scenario: Scenario) {
    this.#rules = scenario.client.callbacks;
  }

  /** Answers the next call of this callback. Of an error only the kind is matched: its details are the library's own. */
  next(name: string, first: Term, state: Term): Answered {
    const nth = (this.#calls.get(name) ?? 0) + 1;
    this.#calls.set(name, nth);
    const rule = this.#rules[name]?.find(
      (candidate) =>
        (candidate.nth === undefined || candidate.nth === nth) &&
        (candidate.match === undefined || fits(name, parseTerm(candidate.match), first)),
    );
    return { answer: answerOf(rule, state), blocksForMs: rule?.blocksForMs ?? 0 };
  }

  callsOf(name: string): number {
    return this.#calls.get(name) ?? 0;
  }
}

function fits(name: string, pattern: Term, first: Term): boolean {
  if (name === "handle_error" && pattern.kind === "tuple" && first.kind === "tuple") {
    const [kind] = pattern.items;
    return kind === undefined || first.items[0] === undefined || matchesTerm(kind, first.items[0]);
  }
  return matchesTerm(pattern, first);
}

function answerOf(rule: Rule | undefined, state: Term): Answer {
  if (rule === undefined) return { type: "default" };
  if (rule.raises !== undefined) return { type: "fault", way: "raise", term: string(rule.raises) };
  if (rule.throws !== undefined) return { type: "fault", way: "throw", term: parseTerm(rule.throws) };
  if (rule.exits !== undefined) return { type: "fault", way: "exit", term: parseTerm(rule.exits) };
  if (rule.return === undefined) return { type: "default" };
  return { type: "return", term: evaluateTerm(parseTerm(rule.return), { state }) };
}

/** An answer in words; `defaulted` is what the default gave. */
export function showAnswer(answer: Answer, defaulted: Term): string {
  if (answer.type === "default") return `(default) ${showTerm(defaulted)}`;
  return answer.type === "return" ? showTerm(answer.term) : `${answer.way} ${showTerm(answer.term)}`;
}

/** The recorded form of an answer in the same words. */
export function rewriteRecordedAnswer(returned: string): string {
  const raised = /^raise \w+ (".*")$/s.exec(returned)?.[1];
  if (raised !== undefined) return `raise ${showTerm(parseTerm(raised))}`;
  const left = /^(exit|throw)\((.*)\)$/s.exec(returned);
  if (left !== null) return `${left[1]} ${showTerm(parseTerm(left[2] ?? ""))}`;
  const defaulted = /^\(default\) (.*)$/s.exec(returned)?.[1];
  return defaulted === undefined ? showTerm(parseTerm(returned)) : `(default) ${showTerm(parseTerm(defaulted))}`;
}
