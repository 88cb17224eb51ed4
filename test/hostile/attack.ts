/** A client of ours, or the scripted server, under attack: what became of it. */
import assert from "node:assert/strict";
import { type FreshError, type Options, stop } from "../../src/index.ts";
import { accepting, type Script, TestServer, type TestServerOptions } from "../../src/testing/index.ts";
import { launch, Recorder } from "../fresh/fixtures.ts";
import { RawClient, REQUEST } from "../testing/raw-client.ts";

export type Outcome = {
  readonly error: FreshError;
  /** The close code that the server heard; undefined for none. */
  readonly heard: number | undefined;
  /** Bytes of buffers that there were more when the error came than before; the server's own are among them. */
  readonly cost: number;
};

/** Lets a client run into a server with this script. The client stops at its first error, of which there has to be one. */
export async function attack(script: Script, options: Options<null> = {}): Promise<Outcome> {
  await using server = await TestServer.start({ script });
  const { arrayBuffers: before } = process.memoryUsage();
  let cost = Number.NaN;
  const recorder = new Recorder<null>({
    handleError: () => {
      cost = process.memoryUsage().arrayBuffers - before;
      return stop();
    },
  });
  const connection = launch(server, recorder, null, options);
  const { given } = await recorder.call("handleError");
  await connection.exited;
  const [peer] = server.connections;
  const end = await peer?.ended;
  return { error: given[0], heard: end?.type === "closed" ? end.code : undefined, cost };
}

/** The same with bytes that the server sends behind its 101. */
export function attackWith(bytes: Uint8Array, options: Options<null> = {}): Promise<Outcome> {
  return attack(
    accepting((peer) => peer.sendRaw(bytes)),
    options,
  );
}

/** That an attack came to this violation, and that both sides know of it. */
export function assertViolation({ error, heard }: Outcome, closeCode: number, reason: string): void {
  assert.deepEqual([error.kind, error.reason, error.closeCode], ["decoding_failed", reason, closeCode], error.message);
  assert.equal(heard, closeCode);
}

/** What the scripted server makes of bytes that a client sends behind its request: the violation that it found, if any. */
export async function attackServer(
  bytes: Uint8Array,
  options: TestServerOptions = {},
  request = REQUEST,
): Promise<string | undefined> {
  await using server = await TestServer.start({ script: accepting(), ...options });
  const client = await RawClient.connect(server.port);
  client.socket.write(Buffer.concat([Buffer.from(request, "latin1"), bytes]));
  const [peer] = await Promise.all([server.connection(1), client.all()]);
  client.socket.destroy();
  return peer.violation?.reason;
}
