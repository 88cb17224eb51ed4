/** The certificates of test/fixtures/tls, made by OpenSSL: as files for servers, as their contents for us. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const file = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));

/** The authority that has signed all the others. */
export const AUTHORITY_FILE = file("authority.crt");
export const ca = readFileSync(AUTHORITY_FILE);

/** The files of a server's certificate: the right one, one for another host, one that has expired. */
export const certificateFiles = (name: "server" | "other-host" | "expired") => ({
  cert: file(`${name}.crt`),
  key: file(`${name}.key`),
});

/** A client's certificate and its key. */
export const client = { cert: readFileSync(file("client.crt")), key: readFileSync(file("client.key")) };
