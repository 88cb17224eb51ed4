/**
 * What happens in the demo, told as it happens and kept for the table: each fault with what the client saw of it and when it was back.
 */

/** A fault, from the server's deed to the client's return. Times in ms since the story began. */
export type Chapter = {
  readonly deed: string;
  /** What the client may see of it: each as it is told, "streaming_failed: reset". */
  readonly expected: readonly string[];
  readonly struckAt: number;
  readonly sawAt?: number;
  readonly saw?: string;
  readonly backAt?: number;
  /** Ticks that were made meanwhile and never came; on the first fault of an outage. */
  readonly missed?: number;
};

/** A line of the story: when, who, what. */
export type Narrate = (at: number, who: "server" | "client", what: string) => void;

export class Story {
  readonly #narrate: Narrate;
  readonly #now: () => number;
  readonly #began: number;
  #chapters: Chapter[] = [];
  /** Where the present outage began in `#chapters`, or the newest one. */
  #outage = 0;
  readonly #surprises: string[] = [];
  #connected: "never" | "now" | "not now" = "never";

  constructor(narrate: Narrate, now: () => number = () => performance.now()) {
    this.#narrate = narrate;
    this.#now = now;
    this.#began = now();
  }

  get chapters(): readonly Chapter[] {
    return this.#chapters;
  }

  /** What happened that nobody had planned, as sentences. */
  get surprises(): readonly string[] {
    return this.#surprises;
  }

  /** The server does something to the connection, or to the attempt. */
  struck(deed: string, expected: readonly string[]): void {
    if (this.#connected === "now") this.#outage = this.#chapters.length;
    this.#connected = "not now";
    this.#chapters.push({ deed, expected, struckAt: this.#at() });
    this.#narrate(this.#at(), "server", deed);
  }

  /** The client was told of an end or an error. */
  saw(what: string): void {
    this.#narrate(this.#at(), "client", `sees ${what}`);
    const index = this.#chapters.findIndex((chapter) => chapter.saw === undefined);
    if (index === -1) this.#surprises.push(`The client saw ${what}, and the server had done nothing.`);
    else this.#amend(index, { saw: what, sawAt: this.#at() });
  }

  /** The client has a connection again. */
  opened(): void {
    const at = this.#at();
    if (this.#connected === "never") {
      this.#narrate(at, "client", "connected");
    } else {
      const since = this.#chapters[this.#outage]?.struckAt ?? at;
      this.#narrate(at, "client", `is back, ${Math.round(at - since)} ms later`);
    }
    this.#connected = "now";
    this.#chapters.forEach((chapter, index) => {
      if (chapter.backAt === undefined) this.#amend(index, { backAt: at });
    });
  }

  /** The first tick after an outage has shown how many were missed in it. */
  missed(ticks: number): void {
    this.#amend(this.#outage, { missed: ticks });
  }

  #at(): number {
    return this.#now() - this.#began;
  }

  #amend(index: number, more: Partial<Chapter>): void {
    const chapter = this.#chapters[index];
    if (chapter !== undefined) this.#chapters[index] = { ...chapter, ...more };
  }
}
