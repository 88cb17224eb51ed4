/** What the servers of the real soak have seen of each client, link by link; in runs of numbers, so that it stays short. */
import { numberIn } from "./numbered.ts";

/** From the first to the last, without a gap. */
export type Run = readonly [first: number, last: number];

export type LinkAccount = {
  /** As the client numbers its attempts. */
  readonly link: number;
  readonly runs: readonly Run[];
  /** The client's close frame has arrived, so all that it sent before has. */
  readonly closed: boolean;
};

export type ClientAccount = {
  readonly client: number;
  readonly links: readonly LinkAccount[];
  /** Numbers of the calls that have come, each as often as it has. */
  readonly calls: readonly number[];
};

export class LinkRecord {
  readonly link: number;
  readonly runs: [number, number][] = [];
  closed = false;

  constructor(link: number) {
    this.link = link;
  }
}

export class ServerAccount {
  readonly violations: string[] = [];
  /** Messages and calls so far. */
  messages = 0;
  readonly #clients = new Map<number, { readonly links: LinkRecord[]; readonly calls: number[] }>();

  opened(client: number, link: number): LinkRecord {
    const record = new LinkRecord(link);
    this.#of(client).links.push(record);
    return record;
  }

  /** A message that is no call. */
  received(client: number, record: LinkRecord, text: string): void {
    this.messages += 1;
    const number = numberIn(text, client);
    if (number === undefined) {
      this.violations.push(
        `client ${client}, link ${record.link}: the server got ${JSON.stringify(text.slice(0, 80))}`,
      );
      return;
    }
    const run = record.runs.at(-1);
    if (run !== undefined && number === run[1] + 1) run[1] = number;
    else if (run === undefined || number > run[1]) record.runs.push([number, number]);
    else this.violations.push(`client ${client}, link ${record.link}: ${number} arrived behind ${run[1]}`);
  }

  called(client: number, number: number): void {
    this.messages += 1;
    this.#of(client).calls.push(number);
  }

  get clients(): readonly ClientAccount[] {
    return [...this.#clients].map(([client, { links, calls }]) => ({ client, links, calls }));
  }

  #of(client: number): { readonly links: LinkRecord[]; readonly calls: number[] } {
    let known = this.#clients.get(client);
    if (known === undefined) {
      known = { links: [], calls: [] };
      this.#clients.set(client, known);
    }
    return known;
  }
}
