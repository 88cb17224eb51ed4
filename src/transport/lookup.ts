/**
 * A caller's `lookup`, made safe: Node takes its answer apart unseen, so an empty list, or no list, would throw inside whatever called back,
 * and end the process. And what it throws itself would read as an option that Node doesn't take.
 */
import type { LookupFunction } from "node:net";

type Answer = Parameters<LookupFunction>[2];

/** The same lookup, whose failures are all told by calling back. */
export function guardedLookup(lookup: LookupFunction): LookupFunction {
  return (host, options, done) => {
    let hasAnswered = false;
    const answer: Answer = (error, addresses, family) => {
      hasAnswered = true;
      if (error || !options.all || isList(addresses)) done(error, addresses, family);
      else done(noAddress(host), []);
    };
    try {
      lookup(host, options, answer);
    } catch (thrown) {
      if (hasAnswered) throw thrown;
      // Not at once: nobody could listen to the socket yet.
      process.nextTick(answer, errorOf(thrown), []);
    }
  };
}

function isList(addresses: unknown): boolean {
  return (
    Array.isArray(addresses) &&
    addresses.length > 0 &&
    addresses.every((address) => typeof address === "object" && address !== null)
  );
}

function noAddress(host: string): Error {
  return Object.assign(new Error(`transportOptions.lookup gave no address for ${host}.`), { code: "ENOTFOUND" });
}

function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error("transportOptions.lookup threw.", { cause: thrown });
}
