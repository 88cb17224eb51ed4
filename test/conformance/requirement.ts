/**
 * What a requirement of an RFC is here: whom it binds, how strictly, in a few words of our own, and what becomes of it.
 */

/** A test: its file from the root, and its name behind those of its suites, joined by " > ". "…" stands for what a loop fills in. */
export type TestReference = { readonly file: string; readonly name: string };

/** Kept, and proven by tests; knowingly not kept, for a reason; or not for this library to keep. */
export type Standing =
  | { readonly tests: readonly TestReference[]; readonly note?: string }
  | { readonly departs: string; readonly tests: readonly TestReference[] }
  | { readonly left: string };

export type Requirement = {
  /** The RFC's own word; in small letters where it states a rule without one of its key words (RFC 2119). */
  readonly level: "MUST" | "MUST NOT" | "SHOULD" | "SHOULD NOT" | "RECOMMENDED" | "must";
  readonly binds: "client" | "server" | "both";
  readonly rule: string;
} & Standing;

export type Section = {
  /** Its number, as "5.5.1". */
  readonly section: string;
  readonly title: string;
  readonly requirements: readonly Requirement[];
};

/** Names tests of one file: `const closing = testsIn("test/conformance/closing.test.ts")`, then `closing("a name")`. */
export function testsIn(file: string): (name: string) => TestReference {
  return (name) => ({ file, name });
}
