/**
 * A registry: finds who runs by keys of any kind, one holder a key or many (Elixir, `Registry`). An entry goes when its holder ends.
 */
import { AlreadyRegisteredError, SupervisorError } from "./errors.ts";
import { describeKey, type NameRegistry } from "./names.ts";
import { structuralKey } from "./structural-key.ts";

export type RegistryOptions<V = unknown> = {
  /** May a key have one holder, or many? */
  readonly keys: "unique" | "duplicate";
  /** Told of each entry that comes or goes, behind the change. What they throw is theirs: it is raised uncaught. */
  readonly listeners?: readonly ((event: RegistryEvent<V>) => void)[];
};

export type RegistryEvent<V> = {
  readonly type: "registered" | "unregistered";
  readonly key: unknown;
  readonly connection: Registered;
  readonly value: V | undefined;
};

/** Who can be registered: whatever ends once. */
export type Registered = { readonly exited: Promise<unknown> };

export type RegistryEntry<C, V> = { readonly connection: C; readonly value: V | undefined };

type Entry = { readonly key: unknown; readonly connection: Registered; value: unknown };

/**
 * @example
 * const rooms = new Registry<Connection<Room>>({ keys: "unique" });
 * Room.start({ uri, state, options: { name: { via: rooms, name: { room: 7 } } } });
 * Fresh.send({ via: rooms, name: { room: 7 } }, "hello");
 */
export class Registry<C extends Registered = Registered, V = unknown> implements NameRegistry {
  readonly #keys: "unique" | "duplicate";
  readonly #listeners: readonly ((event: RegistryEvent<V>) => void)[];
  readonly #entries = new Map<string, Map<Registered, Entry>>();
  /** The keys that each holder has, so that its end costs no more than they do. */
  readonly #held = new Map<Registered, Set<string>>();

  /** @throws SupervisorError with the reason "bad_option" */
  constructor(options: RegistryOptions<V>) {
    const keys = options?.keys;
    if (keys !== "unique" && keys !== "duplicate") {
      throw new SupervisorError(
        "bad_option",
        `A registry takes { keys: "unique" } or { keys: "duplicate" }; it got ${String(keys)}.`,
      );
    }
    this.#keys = keys;
    this.#listeners = options.listeners ?? [];
  }

  /**
   * Puts an entry under the key, with a value beside it. A holder may stand under a key once.
   * @throws AlreadyRegisteredError when the key is taken; TypeError for what can't be registered
   */
  register(key: unknown, connection: C, value?: V): void {
    if (typeof connection !== "object" || connection === null || !("exited" in connection)) {
      throw new TypeError(
        "A registry takes what has a promise `exited`, such as a connection: its entries go when that ends.",
      );
    }
    const written = structuralKey(key);
    const entries = this.#entries.get(written) ?? new Map<Registered, Entry>();
    const [first] = entries.values();
    const taken = this.#keys === "unique" ? first : entries.get(connection);
    if (taken !== undefined) throw new AlreadyRegisteredError(describeKey(key), taken.connection);
    const entry: Entry = { key, connection, value };
    entries.set(connection, entry);
    this.#entries.set(written, entries);
    this.#hold(connection, written);
    this.#tell("registered", entry);
  }

  /** Takes the holder's entry from under the key; nothing, if there is none. */
  unregister(key: unknown, connection: C): void {
    const written = structuralKey(key);
    this.#held.get(connection)?.delete(written);
    this.#remove(written, connection);
  }

  /** The entries under a key, oldest first. */
  lookup(key: unknown): readonly RegistryEntry<C, V>[] {
    return [...this.#at(key).values()].map(shown<C, V>);
  }

  /** The values beside the entries under a key, or beside that of one holder. */
  values(key: unknown, connection?: C): readonly (V | undefined)[] {
    const entries = [...this.#at(key).values()];
    const wanted = connection === undefined ? entries : entries.filter((entry) => entry.connection === connection);
    return wanted.map((entry) => entry.value as V | undefined);
  }

  /** Puts another value beside a holder's entry. False: it has none under this key. */
  updateValue(key: unknown, connection: C, change: (value: V | undefined) => V): boolean {
    const entry = this.#at(key).get(connection);
    if (entry === undefined) return false;
    entry.value = change(entry.value as V | undefined);
    return true;
  }

  /** Calls back once with all entries under the key, unless there are none: to send one message to all. */
  dispatch(key: unknown, callback: (entries: readonly RegistryEntry<C, V>[]) => void): void {
    const entries = this.lookup(key);
    if (entries.length > 0) callback(entries);
  }

  /** All keys, or those of one holder, in the order of their registration. */
  keys(connection?: C): readonly unknown[] {
    if (connection === undefined) return [...this.#entries.values()].map(keyOf);
    const held = this.#held.get(connection) ?? [];
    return [...held].map((written) => this.#entries.get(written)?.get(connection)?.key);
  }

  /** How many entries there are. */
  get size(): number {
    let size = 0;
    for (const entries of this.#entries.values()) size += entries.size;
    return size;
  }

  #at(key: unknown): ReadonlyMap<Registered, Entry> {
    return this.#entries.get(structuralKey(key)) ?? new Map();
  }

  #hold(connection: Registered, written: string): void {
    const held = this.#held.get(connection);
    if (held !== undefined) {
      held.add(written);
      return;
    }
    this.#held.set(connection, new Set([written]));
    const ended = (): void => this.#ended(connection);
    connection.exited.then(ended, ended);
  }

  #ended(connection: Registered): void {
    const held = this.#held.get(connection) ?? [];
    this.#held.delete(connection);
    for (const written of held) this.#remove(written, connection);
  }

  #remove(written: string, connection: Registered): void {
    const entries = this.#entries.get(written);
    const gone = entries?.get(connection);
    if (entries === undefined || gone === undefined) return;
    entries.delete(connection);
    if (entries.size === 0) this.#entries.delete(written);
    this.#tell("unregistered", gone);
  }

  #tell(type: RegistryEvent<V>["type"], { key, connection, value }: Entry): void {
    for (const listener of this.#listeners) {
      try {
        listener({ type, key, connection, value: value as V | undefined });
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

function keyOf(entries: ReadonlyMap<Registered, Entry>): unknown {
  const [entry] = entries.values();
  return entry?.key;
}

const shown = <C, V>({ connection, value }: Entry): RegistryEntry<C, V> => ({
  connection: connection as unknown as C,
  value: value as V | undefined,
});
