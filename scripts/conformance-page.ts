/**
 * docs/conformance.md as text, from the requirements in test/conformance, each with the tests that prove it.
 */
import type { Requirement, Section, TestReference } from "../test/conformance/requirement.ts";
import { RFCS, type Rfc } from "../test/conformance/requirements.ts";

const HEAD = `# Conformance

<!-- Written by \`npm run docs\` from test/conformance. Don't edit this page: edit the requirements there. -->

Every MUST and SHOULD of the WebSocket RFCs that binds a client, or a server such as the one for tests, and what proves that it is kept. "must"
in small letters is a rule that the RFC states without one of its key words. What binds intermediaries, and the authors of other
specifications, is left out.

A proof is a test: \`conformance/closing\`: "the server closes > …" is a test in \`test/conformance/closing.test.ts\`, its name behind that of its
suite. "…" stands for each of the values that the test goes through. The tests hold this page to be current, and each test that it names to
be there. \`npm test -- test/conformance\` runs those that were made for it: they go through every size of message, every fragmentation, every
first byte, every sort of broken UTF-8 at every cut, every sort of close code, and closing in each phase, on the bare engine in both
roles and through the whole client.
`;

/** The whole page. */
export function conformancePage(): string {
  return [
    HEAD,
    summary(),
    ...RFCS.flatMap((rfc) => [`## RFC ${rfc.number}: ${rfc.title}\n`, ...rfc.sections.map(chapter)]),
  ].join("\n");
}

function summary(): string {
  const rows = RFCS.map((rfc) => {
    const all = requirementsOf(rfc);
    const kept = all.filter((one) => "tests" in one && !("departs" in one));
    const departed = all.filter((one) => "departs" in one);
    const left = all.filter((one) => "left" in one);
    return `| [RFC ${rfc.number}](#${anchorOf(rfc)}) | ${all.length} | ${kept.length} | ${departed.length} | ${left.length} |`;
  });
  const head =
    "| | Requirements | Kept, with tests | Knowingly not kept | Left to the program, or without an occasion |";
  return `${[head, "|---|---|---|---|---|", ...rows].join("\n")}\n`;
}

function requirementsOf(rfc: Rfc): readonly Requirement[] {
  return rfc.sections.flatMap(({ requirements }) => requirements);
}

/** As test/docs/links.test.ts makes them of headings. */
function anchorOf({ number, title }: Rfc): string {
  return `rfc-${number}-${title.toLowerCase().replaceAll(" ", "-")}`;
}

function chapter({ section, title, requirements }: Section): string {
  const rows = requirements.map(
    (one) => `| ${one.level} | ${one.binds} | ${cell(one.rule)} | ${cell(standing(one))} |`,
  );
  return `### §${section} ${title}\n\n| | Binds | Rule | Proof |\n|---|---|---|---|\n${rows.join("\n")}\n`;
}

function standing(one: Requirement): string {
  if ("left" in one) return `*Not ours.* ${one.left}`;
  const proofs = one.tests.map(proof).join("<br>");
  if ("departs" in one) return `**Not kept.** ${one.departs}<br>${proofs}`;
  return one.note === undefined ? proofs : `${proofs}<br>${one.note}`;
}

function proof({ file, name }: TestReference): string {
  return `\`${file.replace(/^test\//, "").replace(/\.test\.ts$/, "")}\`: "${name}"`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
