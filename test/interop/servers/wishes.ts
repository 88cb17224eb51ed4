/**
 * What the servers in TypeScript have in common with those in Python: see program.py, which says what a path asks for.
 */
import { parseArgs } from "node:util";

export const SUBPROTOCOL = "chat";
export const PING = "are you there";

export type Arguments = {
  readonly host: string;
  readonly port: number;
  readonly unix?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly clientCa?: string;
  /** Settings of permessage-deflate in the server's own words. */
  readonly deflate?: unknown;
};

export function serverArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      host: { type: "string", default: "127.0.0.1" },
      port: { type: "string", default: "0" },
      unix: { type: "string" },
      cert: { type: "string" },
      key: { type: "string" },
      "client-ca": { type: "string" },
      deflate: { type: "string" },
    },
  });
  const { host, port, unix, cert, key, "client-ca": clientCa, deflate } = values;
  return {
    host,
    port: Number(port),
    ...(unix === undefined ? {} : { unix }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(clientCa === undefined ? {} : { clientCa }),
    ...(deflate === undefined ? {} : { deflate: JSON.parse(deflate) as unknown }),
  };
}

export function tell(event: Readonly<Record<string, unknown>>): void {
  console.log(JSON.stringify(event));
}

/** The words of a path: ["close", "4001", "bye"]. */
export function wishOf(target: string): readonly string[] {
  return (target.split("?")[0] as string).split("/").slice(1).map(decodeURIComponent);
}
