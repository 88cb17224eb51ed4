/**
 * From the options of `everfresh connect` to what its session does.
 */
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { type HeadersInput, permessageDeflate, type TransportOptions } from "../../index.ts";
import type { Arguments } from "../arguments.ts";
import { UsageError } from "../exit-code.ts";
import { systemCode } from "../system-code.ts";
import type { SessionPlan } from "./session.ts";

/** How long a pipe's last line waits for its answers, in ms. */
export const LINGER = 1000;

/** What the options amount to. `inTerminal`: lines are typed. @throws UsageError */
export function planOf(args: Arguments, inTerminal: boolean): SessionPlan {
  const [uri, ...more] = args.positionals;
  if (uri === undefined)
    throw new UsageError("connect takes the server's address: everfresh connect ws://127.0.0.1:8080");
  if (more.length > 0) {
    throw new UsageError("connect takes one address. An option's value that has spaces in it needs quotes around it.");
  }
  const pingInterval = args.milliseconds("ping-interval");
  const timeout = args.milliseconds("connect-timeout");
  const maxMessages = args.wholeNumber("max-messages", { least: 1, most: Number.MAX_SAFE_INTEGER });
  const linger = args.milliseconds("linger");
  const maxRedirects = args.wholeNumber("max-redirects", { least: 0, most: 100 });
  return {
    uri,
    options: {
      headers: headersOf(args),
      upgradeOptions: {
        subprotocols: args.values("subprotocol"),
        extensions: args.has("compress") ? [permessageDeflate()] : [],
      },
      ...(maxRedirects !== undefined && { maxRedirects }),
      transportOptions: { tls: tlsOptionsOf(args) },
      ...(pingInterval !== undefined && { pingInterval }),
      ...(timeout !== undefined && { connectTimeout: timeout, upgradeTimeout: timeout }),
    },
    afterEnd: args.has("no-reconnect") ? "exit" : "reconnect",
    maxMessages: maxMessages ?? Number.POSITIVE_INFINITY,
    lingerAfter: (input) => {
      if (linger !== undefined) return linger;
      if (maxMessages !== undefined) return Number.POSITIVE_INFINITY;
      if (inTerminal) return 0;
      // Without a line there is no answer to wait for: whoever gives it /dev/null wants to listen.
      return input === "empty" ? Number.POSITIVE_INFINITY : LINGER;
    },
  };
}

function headersOf(args: Arguments): HeadersInput {
  return args.values("header").map((header) => {
    const [, name, value] = /^([^:\s]+):(.*)$/s.exec(header) ?? [];
    // What it got may be a secret, so it is not shown.
    if (name === undefined || value === undefined) {
      throw new UsageError("--header takes 'NAME: VALUE' in quotes, such as --header 'Origin: https://example.com'.");
    }
    return [name, value.trim()] as const;
  });
}

function tlsOptionsOf(args: Arguments): NonNullable<TransportOptions["tls"]> {
  if (args.has("cert") !== args.has("key")) {
    throw new UsageError("--cert and --key go together: the certificate's file, and its key's.");
  }
  const files = ["ca", "cert", "key"]
    .filter((name) => args.has(name))
    .map((name) => [name, fileOf(args, name)] as const);
  const tls = Object.fromEntries(files);
  try {
    // Now rather than at each attempt.
    createSecureContext(tls);
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw new UsageError(`TLS can't use what is in ${files.map(([name]) => `--${name}`).join(", ")}: ${what}`);
  }
  return args.has("insecure") ? { ...tls, rejectUnauthorized: false } : tls;
}

function fileOf(args: Arguments, name: string): Buffer {
  const path = args.value(name) as string;
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(`--${name} names a file that can't be read: ${path} (${systemCode(error)}).`);
  }
}
