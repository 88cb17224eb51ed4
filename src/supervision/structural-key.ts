/**
 * Keys that compare by structure, so that `{ room: 7 }` finds what was registered under another `{ room: 7 }`: primitives by value, arrays
 * and plain objects of them by what is in them, all else by identity.
 */

let identities = 0;
const known = new WeakMap<object, number>();
const symbols = new Map<symbol, number>();

/** A string that two keys share just when they are the same key. @throws TypeError for one that holds itself */
export function structuralKey(key: unknown): string {
  return write(key, []);
}

function write(value: unknown, inside: readonly object[]): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      // -0 is 0 and NaN is NaN, as in a Map.
      return `n${value === 0 ? 0 : value}`;
    case "bigint":
      return `b${value}`;
    case "boolean":
    case "undefined":
      return String(value);
    case "symbol":
      return `s${identityOfSymbol(value)}`;
    case "function":
      return `i${identityOf(value)}`;
    default:
      return value === null ? "null" : writeObject(value as object, inside);
  }
}

function writeObject(value: object, inside: readonly object[]): string {
  const prototype = Object.getPrototypeOf(value);
  const plain = prototype === Object.prototype || prototype === null;
  if (!plain && !Array.isArray(value)) return `i${identityOf(value)}`;
  if (inside.includes(value))
    throw new TypeError("A key can't hold itself. Use what identifies it: an id, or a part of it.");
  const deeper = [...inside, value];
  if (Array.isArray(value)) return `[${value.map((item) => write(item, deeper)).join()}]`;
  const fields = Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${write((value as Record<string, unknown>)[name], deeper)}`);
  return `{${fields.join()}}`;
}

function identityOf(value: object): number {
  let identity = known.get(value);
  if (identity === undefined) {
    identity = ++identities;
    known.set(value, identity);
  }
  return identity;
}

// A symbol of the global registry can't be held weakly; there are few, and a map of them stays small.
function identityOfSymbol(value: symbol): number {
  let identity = symbols.get(value);
  if (identity === undefined) {
    identity = ++identities;
    symbols.set(value, identity);
  }
  return identity;
}
