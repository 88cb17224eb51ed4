/**
 * The `transportOptions` of a connection: what node:http(s).request takes, names unchanged.
 */
import type { RequestOptions } from "node:https";
import type { ConnectionOptions as TlsOptions } from "node:tls";

/** What the library itself decides, from the uri and the options of its own. Refused in `transportOptions` and in its `tls`. */
export const RESERVED_TRANSPORT_OPTIONS = [
  "auth",
  "createConnection",
  "defaultPort",
  "headers",
  "host",
  "hostname",
  "insecureHTTPParser",
  "method",
  "path",
  "port",
  "protocol",
  "setHost",
  "signal",
  "socketPath",
  "uniqueHeaders",
  "joinDuplicateHeaders",
] as const;

/** Node's own request options, and `tls`: an object of TLS options that is merged over them for wss:. */
export type TransportOptions = Omit<RequestOptions, Reserved> & { readonly tls?: Omit<TlsOptions, Reserved> };

type Reserved = (typeof RESERVED_TRANSPORT_OPTIONS)[number];
