/** The four parameters of permessage-deflate and their grammar (RFC 7692 §7.1), which is strict: what isn't right is refused. */
import type { ExtensionParameters } from "../extension.ts";

export type DeflateParameters = {
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  /** log2 of the window that the server, or the client, compresses with at the most; undefined: not said. */
  readonly serverMaxWindowBits: number | undefined;
  /** true: named without a value, which only an offer may do. */
  readonly clientMaxWindowBits: number | true | undefined;
};

export const LEAST_WINDOW_BITS = 8;
export const MOST_WINDOW_BITS = 15;

type Fault = { readonly refused: string };

/** Reads an offer or an answer; what is wrong with it comes as a sentence. */
export function readParameters(
  parameters: ExtensionParameters,
  { of }: { readonly of: "offer" | "answer" },
): DeflateParameters | Fault {
  const read: { -readonly [Name in keyof DeflateParameters]: DeflateParameters[Name] } = {
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverMaxWindowBits: undefined,
    clientMaxWindowBits: undefined,
  };
  const seen = new Set<string>();
  for (const [name, value] of parameters) {
    if (seen.has(name)) return fault(`the parameter ${name} stands there twice`);
    seen.add(name);
    switch (name) {
      case "server_no_context_takeover":
      case "client_no_context_takeover":
        if (value !== undefined) return fault(`the parameter ${name} takes no value`);
        if (name === "server_no_context_takeover") read.serverNoContextTakeover = true;
        else read.clientNoContextTakeover = true;
        break;
      case "server_max_window_bits": {
        const bits = value === undefined ? undefined : windowBitsOf(value);
        if (bits === undefined) return windowBitsFault(name, value);
        read.serverMaxWindowBits = bits;
        break;
      }
      case "client_max_window_bits": {
        const bits = value === undefined && of === "offer" ? true : windowBitsOf(value ?? "");
        if (bits === undefined) return windowBitsFault(name, value);
        read.clientMaxWindowBits = bits;
        break;
      }
      default:
        return fault(`it has no parameter ${shown(name)}`);
    }
  }
  return read;
}

/** How parameters stand on the wire; what is false or undefined doesn't. */
export function writeParameters(parameters: Partial<DeflateParameters>): ExtensionParameters {
  const { serverMaxWindowBits, clientMaxWindowBits } = parameters;
  const written: [string, string?][] = [];
  if (parameters.serverNoContextTakeover) written.push(["server_no_context_takeover"]);
  if (parameters.clientNoContextTakeover) written.push(["client_no_context_takeover"]);
  if (serverMaxWindowBits !== undefined) written.push(["server_max_window_bits", String(serverMaxWindowBits)]);
  if (clientMaxWindowBits === true) written.push(["client_max_window_bits"]);
  else if (clientMaxWindowBits !== undefined) written.push(["client_max_window_bits", String(clientMaxWindowBits)]);
  return written;
}

/** A decimal number from 8 to 15 without leading zeros (RFC 7692 §7.1.2). */
function windowBitsOf(value: string): number | undefined {
  const bits = Number(value);
  const right =
    Number.isInteger(bits) && bits >= LEAST_WINDOW_BITS && bits <= MOST_WINDOW_BITS && String(bits) === value;
  return right ? bits : undefined;
}

function windowBitsFault(name: string, value: string | undefined): Fault {
  const has = value === undefined ? "none" : shown(value);
  return fault(`the parameter ${name} takes a number from 8 to 15 without leading zeros, and has ${has}`);
}

function fault(what: string): Fault {
  return { refused: `${what} (RFC 7692 §7.1).` };
}

/** A peer's word for a sentence: tokens only come here, so nothing but the length needs care. */
function shown(word: string): string {
  return `"${word.length > 40 ? `${word.slice(0, 40)}...` : word}"`;
}
