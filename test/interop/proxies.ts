/**
 * Proxies that aren't ours, between us and a WebSocket server. Each is one process with the same addresses: proxies/ has their
 * configurations, where the first word of a path chooses how it is passed on, and the port which certificate is shown.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CERTIFICATE, KEY } from "../testing/certificate.ts";
import { AUTHORITY_FILE, certificateFiles } from "./certificates.ts";
import { freePorts, PeerProcess } from "./peer-process.ts";

/** How a request is passed on: as it should be, with buffering, cut when idle, without its Upgrade header. */
export type Manner = "plain" | "buffered" | "idle" | "stripped";

/** What is listened on: without TLS, and with a right certificate, a wrong one, one that it signed itself, or asking for ours. */
const LISTENERS = ["PLAIN", "TLS", "OTHER_HOST", "EXPIRED", "SELF_SIGNED", "CLIENT_CERTIFICATE"] as const;
export type Listener = (typeof LISTENERS)[number];

/** How long the manner "idle" leaves a connection alone on which nothing moves, in ms. */
export const IDLE = 1000;

/** The certificate that is its own authority. */
export const SELF_SIGNED = CERTIFICATE;

export type ProxyDriver = {
  readonly name: "nginx" | "HAProxy";
  readonly start: (backendPort: number) => Promise<ForeignProxy>;
  /** What it answers when nothing listens at the backend. */
  readonly withoutBackend: number;
  /** The kind, phase, and status or reason of the error when a client shows no certificate. */
  readonly withoutCertificate: readonly [kind: string, phase: string, what: number | string];
};

export const PROXIES: readonly ProxyDriver[] = [
  {
    name: "nginx",
    withoutBackend: 502,
    withoutCertificate: ["establishing_failed", "upgrade", 400],
    start: (backendPort) =>
      ForeignProxy.start(backendPort, "nginx.conf", (file, folder) => [
        "nginx",
        "-e",
        "stderr",
        "-p",
        folder,
        "-c",
        file,
      ]),
  },
  {
    name: "HAProxy",
    withoutBackend: 503,
    withoutCertificate: ["connecting_failed", "tls", "tlsv13_alert_certificate_required"],
    start: (backendPort) => ForeignProxy.start(backendPort, "haproxy.cfg", (file) => ["haproxy", "-db", "-f", file]),
  },
];

export class ForeignProxy implements AsyncDisposable {
  readonly process: PeerProcess;
  readonly #ports: Readonly<Record<Listener, number>>;
  readonly #folder: string;

  private constructor(process: PeerProcess, ports: Readonly<Record<Listener, number>>, folder: string) {
    this.process = process;
    this.#ports = ports;
    this.#folder = folder;
  }

  static async start(
    backendPort: number,
    configuration: string,
    command: (file: string, folder: string) => readonly [file: string, ...args: readonly string[]],
  ): Promise<ForeignProxy> {
    const folder = mkdtempSync(join(tmpdir(), "everfresh-"));
    for (const name of ["server", "other-host", "expired"] as const) {
      const { cert, key } = certificateFiles(name);
      writeFileSync(join(folder, `${name}.pem`), readFileSync(cert, "utf8") + readFileSync(key, "utf8"));
    }
    writeFileSync(join(folder, "self-signed.pem"), CERTIFICATE + KEY);
    const host = "127.0.0.1";
    const free = await freePorts(LISTENERS.length, host);
    const ports = Object.fromEntries(LISTENERS.map((name, index) => [name, free[index]])) as Record<Listener, number>;
    const values: Readonly<Record<string, string | number>> = {
      ...ports,
      HOST: host,
      FOLDER: folder,
      IDLE,
      AUTHORITY: AUTHORITY_FILE,
      BACKEND: `${host}:${backendPort}`,
    };
    const template = readFileSync(new URL(`proxies/${configuration}`, import.meta.url), "utf8");
    const file = join(folder, configuration);
    writeFileSync(
      file,
      template.replaceAll(/@([A-Z_]+)@/g, (_, name: string) => String(values[name])),
    );
    const [program, ...args] = command(file, folder);
    const process = new PeerProcess(program, args);
    await process.listensAt({ host, port: ports.PLAIN });
    return new ForeignProxy(process, ports, folder);
  }

  /** The address of a path of the server behind it. */
  url(manner: Manner, path = "/", listener: Listener = "PLAIN"): string {
    const scheme = listener === "PLAIN" ? "ws" : "wss";
    return `${scheme}://127.0.0.1:${this.#ports[listener]}/${manner}${path}`;
  }

  async stop(): Promise<void> {
    await this.process.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
