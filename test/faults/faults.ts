/**
 * The rows of the fault matrix: everything that may go wrong with a connection, and what its owner may do at any moment.
 */

/** A short name for the data → what it is, as the table says it. */
export const FAULTS = {
  refused: "connection refused",
  reset: "RST",
  fin: "FIN without a close frame",
  closeFrame: "close frame without FIN",
  closeAndFin: "close frame with FIN",
  deafClient: "black hole to the client",
  deafServer: "black hole to the server",
  blackHole: "black hole both ways",
  drip: "slow drip",
  latency: "latency and jitter",
  bandwidth: "bandwidth limit",
  delayedAnswer: "101 delayed",
  truncatedAnswer: "101 truncated",
  corruptAnswer: "101 corrupted",
  garbage: "garbage bytes",
  glued: "frames glued together",
  split: "byte by byte",
  unauthorised: "401",
  tooMany: "429 with Retry-After in seconds",
  unavailable: "503 with Retry-After as a date",
  hugeHeader: "frame header of 2^40 bytes",
  tooLong: "message past maxMessageSize",
  pingFlood: "flood of pings",
  hang: "server says nothing",
  tlsStall: "TLS stalls",
  tlsBroken: "TLS handshake broken",
  untrusted: "certificate not trusted",
  providerThrows: "provider throws",
  providerRejects: "provider rejects",
  providerHangs: "provider hangs",
  providerRubbish: "provider gives rubbish",
  lookupFails: "lookup fails",
  lookupHangs: "lookup hangs",
  lookupEmpty: "lookup gives nothing",
  stall: "this process stands still",
  close: "close()",
  stop: "stop()",
  reconnect: "reconnect()",
  replace: "replace()",
  abort: "the signal aborts",
} as const;

export type FaultName = keyof typeof FAULTS;

/** Families of faults, for reasons that hold for all of one. */
export const OF_PROVIDER = ["providerThrows", "providerRejects", "providerHangs", "providerRubbish"] as const;
export const OF_LOOKUP = ["lookupFails", "lookupHangs", "lookupEmpty"] as const;
export const OF_TLS = ["tlsStall", "tlsBroken", "untrusted"] as const;
export const OF_ANSWER = [
  "delayedAnswer",
  "truncatedAnswer",
  "corruptAnswer",
  "unauthorised",
  "tooMany",
  "unavailable",
] as const;
export const OF_FRAMES = ["closeFrame", "closeAndFin", "glued", "hugeHeader", "tooLong", "pingFlood"] as const;
export const OF_LINK = [
  "reset",
  "fin",
  "deafClient",
  "deafServer",
  "blackHole",
  "drip",
  "latency",
  "bandwidth",
  "garbage",
  "split",
  "hang",
] as const;
