/**
 * What has happened, in order; a test awaits the how-manyth entry of a sort instead of sleeping.
 */

/** How long a test waits for what must come, in ms. */
const PATIENCE = 5000;

type Watcher<T> = { readonly look: (entries: readonly T[]) => void };

export class Ledger<T> {
  readonly entries: T[] = [];
  readonly #describe: (entry: T) => string;
  readonly #watchers = new Set<Watcher<T>>();

  /** `describe` says an entry in a few words, for the message when an awaited one doesn't come. */
  constructor(describe: (entry: T) => string) {
    this.#describe = describe;
  }

  add(entry: T): void {
    this.entries.push(entry);
    for (const watcher of [...this.#watchers]) watcher.look(this.entries);
  }

  /** All entries in words. */
  get lines(): readonly string[] {
    return this.entries.map(this.#describe);
  }

  /** The nth entry, from 1, that matches: at once if it is there, else as soon as it comes, within so many ms. */
  nth<U extends T>(n: number, matches: (entry: T) => entry is U, what: string, patience = PATIENCE): Promise<U> {
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => {
        this.#watchers.delete(watcher);
        reject(
          new Error(`${what} number ${n} did not come within ${patience} ms; what came: ${this.lines.join(", ")}`),
        );
      }, patience);
      const watcher: Watcher<T> = {
        look: (entries) => {
          const found = entries.filter(matches)[n - 1];
          if (found === undefined) return;
          clearTimeout(deadline);
          this.#watchers.delete(watcher);
          resolve(found);
        },
      };
      this.#watchers.add(watcher);
      watcher.look(this.entries);
    });
  }
}
