/**
 * Names: of whoever runs in this process (a string or a symbol), of whoever there is at most one of wherever it runs (`{ global }`), and
 * those that a registry of the program's own keeps (`{ via }`). Connections and supervisors share them, as processes do in Erlang.
 */

export type LocalName = string | symbol;

/** What `{ via }` needs of a registry (OTP's `{via, Module, Term}`). */
export interface NameRegistry {
  /** @throws when the key is taken */
  register(key: unknown, holder: unknown): void;
  unregister(key: unknown, holder: unknown): void;
  lookup(key: unknown): readonly { readonly connection: unknown }[];
}

export type Name = LocalName | { readonly global: string } | { readonly via: NameRegistry; readonly name: unknown };

/**
 * Where `{ global }` names are kept. What comes with everfresh knows this process only; a cluster's takes its place with
 * `useGlobalNames`. Registering is synchronous, so a cluster's answers for what it holds itself and settles conflicts by stopping one
 * of the two, as Erlang's `global` does.
 */
export interface GlobalNames {
  /** False: somebody has it. */
  register(name: string, holder: unknown): boolean;
  unregister(name: string, holder: unknown): void;
  whereis(name: string): unknown;
}

/** The name is taken. `holder` has it. */
export class NameTakenError extends Error {
  override readonly name = "NameTakenError";
  readonly holder: unknown;

  constructor(name: string, holder: unknown) {
    super(`The name ${name} is taken. Use who has it (it is in .holder), stop it first, or choose another name.`);
    this.holder = holder;
  }
}

class Table<K> {
  readonly #holders = new Map<K, unknown>();

  register(name: K, holder: unknown): boolean {
    if (this.#holders.has(name)) return false;
    this.#holders.set(name, holder);
    return true;
  }

  unregister(name: K, holder: unknown): void {
    if (this.#holders.get(name) === holder) this.#holders.delete(name);
  }

  whereis(name: K): unknown {
    return this.#holders.get(name);
  }
}

const local = new Table<LocalName>();
let globalNames: GlobalNames = new Table<string>();

/** Puts a cluster's names in the place of this process's own, for all that is named from now on. Gives the ones before. */
export function useGlobalNames(names: GlobalNames): GlobalNames {
  const before = globalNames;
  globalNames = names;
  return before;
}

/** Gives somebody a name. Answers how to give it back. @throws NameTakenError */
export function claimName(name: Name, holder: unknown): () => void {
  if (typeof name === "string" || typeof name === "symbol") {
    if (!local.register(name, holder)) throw new NameTakenError(describeName(name), local.whereis(name));
    return () => local.unregister(name, holder);
  }
  if ("global" in name) {
    const names = globalNames;
    if (!names.register(name.global, holder)) throw new NameTakenError(describeName(name), names.whereis(name.global));
    return () => names.unregister(name.global, holder);
  }
  const { via, name: key } = name;
  const [taken] = via.lookup(key);
  if (taken !== undefined) throw new NameTakenError(describeName(name), taken.connection);
  via.register(key, holder);
  return () => via.unregister(key, holder);
}

/** Who has this name now. */
export function whoHas(name: Name): unknown {
  if (typeof name === "string" || typeof name === "symbol") return local.whereis(name);
  return "global" in name ? globalNames.whereis(name.global) : name.via.lookup(name.name)[0]?.connection;
}

/** Is it a name of one of the three forms? */
export function isName(value: unknown): value is Name {
  if (typeof value === "symbol") return true;
  if (typeof value === "string") return value !== "";
  if (typeof value !== "object" || value === null) return false;
  if ("global" in value) return typeof value.global === "string" && value.global !== "";
  if (!("via" in value && "name" in value)) return false;
  const { via } = value as { via: Partial<NameRegistry> | null | undefined };
  return ["register", "unregister", "lookup"].every(
    (method) => typeof (via as Record<string, unknown> | null | undefined)?.[method] === "function",
  );
}

/** A name in words. */
export function describeName(name: unknown): string {
  if (typeof name === "string") return JSON.stringify(name);
  if (typeof name === "object" && name !== null) {
    if ("global" in name) return `{ global: ${JSON.stringify(name.global)} }`;
    if ("via" in name) return `{ via, name: ${describeKey((name as { name?: unknown }).name)} }`;
  }
  return String(name);
}

/** A registry's key in words. */
export function describeKey(key: unknown): string {
  if (typeof key === "object" && key !== null) {
    try {
      return JSON.stringify(key) ?? String(key);
    } catch {
      return "of a kind that can't be shown";
    }
  }
  return typeof key === "string" ? JSON.stringify(key) : String(key);
}
