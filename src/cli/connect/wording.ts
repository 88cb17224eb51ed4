/**
 * The library's sentences name its options; whoever reads them here has a command line.
 */

const TERMS: readonly (readonly [library: RegExp, command: string])[] = [
  [/give its authority's certificate in transportOptions\.ca\b/, "give its authority's certificate with --ca"],
  [/\(transportOptions\.cert and key\)/, "(--cert and --key)"],
  [/\braise (connectTimeout|upgradeTimeout)\b/, "raise --connect-timeout"],
];

/** The sentence with the command's options in place of the library's, where there is one. */
export function inCommandTerms(sentence: string): string {
  return TERMS.reduce((text, [library, command]) => text.replace(library, command), sentence);
}
