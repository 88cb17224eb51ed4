/**
 * Errors in one vocabulary: Fresh's `{kind, details}` and everfresh's `FreshError` are brought to `{:kind, :reason}`, or
 * `{:establishing_failed, :status, 403, headers}` for a refused upgrade. The kind is compared as it is; details go by the table.
 */
import type { FreshError } from "../../src/connection/errors.ts";
import { atom, isAtom, list, number, showTerm, string, type Term, tuple } from "./terms.ts";

/** Response headers as a WHATWG Headers object has them: sorted by name, several values of one name joined. */
export function headersTerm(pairs: readonly (readonly [name: string, value: string])[]): Term {
  const joined = new Map<string, string>();
  for (const [name, value] of pairs) {
    const before = joined.get(name);
    joined.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  const sorted = [...joined].sort(([left], [right]) => (left < right ? -1 : 1));
  return list(sorted.map(([name, value]) => tuple(string(name), string(value))));
}

/** A list of header pairs, as Elixir has it. */
export function headerPairs(headers: Term | undefined): readonly (readonly [name: string, value: string])[] {
  if (headers?.kind !== "list") return [];
  const text = (term: Term | undefined): string => (term?.kind === "binary" ? Buffer.from(term.bytes).toString() : "");
  return headers.items.map((pair) =>
    pair.kind === "tuple" ? ([text(pair.items[0]), text(pair.items[1])] as const) : (["", ""] as const),
  );
}

export const errorTerm = (kind: string, reason: string): Term => tuple(atom(kind), atom(reason));

export const statusTerm = (status: number, headers: readonly (readonly [string, string])[]): Term =>
  tuple(atom("establishing_failed"), atom("status"), number(status), headersTerm(headers));

/** Fresh's details, by their printed form → the reason that everfresh gives. */
const REASONS: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/:econnrefused/, "refused"],
  [/:tls_alert/, "tls"],
  [/:timeout/, "timed_out"],
  [/:invalid_nonce/, "accept"],
  [/:extension_not_negotiated/, "extensions"],
  [/:invalid_status_line/, "malformed_response"],
  [/:invalid_header_value|:invalid_header_name|:invalid_request_target/, "invalid_request"],
  [/:payload_too_large/, "too_long"],
  [/:invalid_utf8/, "invalid_utf8"],
  [/:malformed_reserved/, "reserved_bits"],
  [/:unsupported_opcode/, "reserved_opcode"],
  [/:insular_continuation/, "unexpected_continuation"],
  [/:cannot_combine_frames/, "expected_continuation"],
  [/:invalid_close_payload/, "close_payload"],
  [/:missing_mask/, "missing_mask"],
  [/:closed/, "ended"],
];

/** Fresh's error as the data has it, in this vocabulary. What is no error of the eight kinds stays as it is. */
export function rewriteRecordedError(error: Term): Term {
  if (error.kind !== "tuple" || error.items.length !== 2) return error;
  const [kind, details] = error.items as readonly [Term, Term];
  if (kind.kind !== "atom") return error;
  const refusal = refusalOf(details);
  if (refusal !== undefined) return refusal;
  const shown = showTerm(details);
  const reason = REASONS.find(([pattern]) => pattern.test(shown))?.[1];
  return reason === undefined ? error : errorTerm(kind.name, reason);
}

function refusalOf(details: Term): Term | undefined {
  if (details.kind !== "map" || details.struct !== "Mint.WebSocket.UpgradeFailureError") return undefined;
  const field = (name: string): Term | undefined => details.entries.find(([key]) => isAtom(key, name))?.[1];
  const status = field("status_code");
  const headers = field("headers");
  if (status?.kind !== "number" || headers?.kind !== "list") return undefined;
  return statusTerm(status.value, headerPairs(headers));
}

/** everfresh's finer reasons that Fresh knows by one name. */
const COARSER: Readonly<Record<string, string>> = {
  close_code: "close_payload",
  close_payload_length: "close_payload",
  control_too_long: "too_long",
  close_reason_too_long: "too_long",
  reset: "ended",
  broken_pipe: "ended",
};

export function everfreshErrorTerm(error: FreshError): Term {
  // Why TLS failed is said in OpenSSL's words here, and in Erlang's there.
  if (error.phase === "tls" && !["timed_out", "ended", "reset"].includes(error.reason))
    return errorTerm(error.kind, "tls");
  if (error.kind === "establishing_failed" && error.status !== undefined && error.reason === "status") {
    return statusTerm(error.status, [...(error.headers ?? [])]);
  }
  return errorTerm(error.kind, COARSER[error.reason] ?? error.reason);
}
