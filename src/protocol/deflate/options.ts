/** What permessageDeflate() can be told, and whether it was told right. */
import { LEAST_WINDOW_BITS, MOST_WINDOW_BITS } from "./parameters.ts";

export type PermessageDeflateOptions = {
  /** The server is to compress each message by itself. In a client an answer without it is refused. Default false. */
  readonly serverNoContextTakeover?: boolean;
  /** The client compresses each message by itself: no memory between messages, less compression. Default false. */
  readonly clientNoContextTakeover?: boolean;
  /** log2 of the window that the server compresses with at the most, 8 to 15. In a client an answer without it is refused. Default: the server's own. */
  readonly serverMaxWindowBits?: number;
  /**
   * log2 of the window that the client compresses with at the most, 8 to 15; `true`: 15, and the server may ask for less; `false`: 15,
   * and it may not. Default true.
   */
  readonly clientMaxWindowBits?: number | boolean;
  /** Messages of fewer bytes go out as they are. Default 64. */
  readonly threshold?: number;
  /** 0 (stored) or 1 (fastest) to 9 (smallest). Default 3. */
  readonly level?: number;
  /** 1 to 9: how much memory compressing takes, 1 KiB · 2 to the power of this, beside four times the window. Default 8. */
  readonly memLevel?: number;
};

const DEFAULTS = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: undefined,
  clientMaxWindowBits: true,
  threshold: 64,
  level: 3,
  memLevel: 8,
} as const;

/** All of them, checked. */
export type Settings = Required<Omit<PermessageDeflateOptions, "serverMaxWindowBits">> & {
  readonly serverMaxWindowBits: number | undefined;
};

/** Throws a TypeError for an option that it doesn't know or can't take. */
export function settingsOf(options: PermessageDeflateOptions): Settings {
  if (typeof options !== "object" || options === null)
    throw new TypeError("permessageDeflate takes an object of options.");
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(DEFAULTS, name)) {
      throw new TypeError(
        `permessageDeflate has no option ${JSON.stringify(name)}; it has ${Object.keys(DEFAULTS).join(", ")}.`,
      );
    }
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const settings: Settings = { ...DEFAULTS, ...given };
  requireBoolean("serverNoContextTakeover", settings.serverNoContextTakeover);
  requireBoolean("clientNoContextTakeover", settings.clientNoContextTakeover);
  const { serverMaxWindowBits, clientMaxWindowBits } = settings;
  if (serverMaxWindowBits !== undefined) {
    requireInteger("serverMaxWindowBits", serverMaxWindowBits, LEAST_WINDOW_BITS, MOST_WINDOW_BITS);
  }
  if (typeof clientMaxWindowBits !== "boolean") {
    requireInteger("clientMaxWindowBits", clientMaxWindowBits, LEAST_WINDOW_BITS, MOST_WINDOW_BITS);
  }
  requireInteger("level", settings.level, 0, 9);
  requireInteger("memLevel", settings.memLevel, 1, 9);
  const { threshold } = settings;
  if (typeof threshold !== "number" || !(threshold >= 0)) {
    throw new TypeError(
      `permessageDeflate's option threshold takes a number of bytes from 0 to Infinity; it got ${String(threshold)}.`,
    );
  }
  return settings;
}

function requireBoolean(name: string, value: unknown): void {
  if (typeof value === "boolean") return;
  throw new TypeError(`permessageDeflate's option ${name} takes true or false; it got ${String(value)}.`);
}

function requireInteger(name: string, value: unknown, least: number, most: number): void {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return;
  throw new TypeError(
    `permessageDeflate's option ${name} takes a whole number from ${least} to ${most}; it got ${String(value)}.`,
  );
}
