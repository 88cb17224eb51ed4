/** A part of the design that this version doesn't have: refused, never accepted and ignored. */
export class NotBuiltError extends Error {
  override readonly name = "NotBuiltError";
}
