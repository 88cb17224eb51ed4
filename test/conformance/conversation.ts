/**
 * A whole client, from its module down to TCP, and the server's end of its connection, which does nothing by itself.
 */
import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import type { Callbacks } from "../../src/behaviour.ts";
import { type Connection, ignore, type Options } from "../../src/index.ts";
import { type AcceptOptions, type Peer, type PeerEnd, TestServer } from "../../src/testing/index.ts";
import { launch, Recorder } from "../fresh/fixtures.ts";
import { type FrameOnWire, framesIn } from "./frames-on-wire.ts";

const CLOSE = 8;
/** How long the client's end is waited for, in ms. */
const PATIENCE = 5000;

type Settings = {
  readonly callbacks?: Partial<Callbacks<null>>;
  readonly options?: Options<null>;
  readonly accept?: AcceptOptions;
};

export class Conversation implements AsyncDisposable {
  readonly #server: TestServer;
  readonly peer: Peer;
  readonly connection: Connection<null>;
  readonly recorder: Recorder<null>;
  readonly #wire: Buffer[] = [];

  private constructor(server: TestServer, peer: Peer, connection: Connection<null>, recorder: Recorder<null>) {
    this.#server = server;
    this.peer = peer;
    this.connection = connection;
    this.recorder = recorder;
    peer.socket.on("data", (chunk: Buffer) => this.#wire.push(chunk));
  }

  /** Connects a client that stays down once its connection has ended, and waits until it is open. */
  static async open({ callbacks = {}, options = {}, accept = {} }: Settings = {}): Promise<Conversation> {
    const server = await TestServer.start({ automatic: false, script: () => {} });
    const recorder = new Recorder<null>({
      handleDisconnect: (_code, _reason, state) => ignore(state),
      handleError: (_error, state) => ignore(state),
      ...callbacks,
    });
    const connection = launch(server, recorder, null, options);
    const peer = await server.connection(1);
    await peer.accept(accept);
    await connection.opened();
    return new Conversation(server, peer, connection, recorder);
  }

  /** Every frame that the client has sent, also such as the server's end doesn't look at: what comes behind a close frame. */
  get framesSent(): readonly FrameOnWire[] {
    return framesIn(Buffer.concat(this.#wire));
  }

  /** Asserts that the client has sent frames with these opcodes and no other. */
  sent(...opcodes: readonly number[]): void {
    assert.deepEqual(
      this.framesSent.map(({ opcode }) => opcode),
      opcodes,
    );
  }

  /** What the module has been told since the open. */
  get lines(): readonly string[] {
    return this.recorder.lines.slice(1);
  }

  /** How the client has ended TCP, as soon as it has. */
  ended(): Promise<PeerEnd> {
    const never = setTimeout(PATIENCE, undefined, { ref: false }).then(() =>
      assert.fail(`The client has not ended TCP within ${PATIENCE} ms.`),
    );
    return Promise.race([this.peer.ended, never]);
  }

  /**
   * Asserts that the client fails the connection: it tells the server this code, tells the module decoding_failed with it, and ends
   * TCP itself (RFC 6455 §7.1.7).
   */
  async fails(closeCode: number, reason: string): Promise<void> {
    const close = await this.peer.receive("close");
    assert.equal(close.code, closeCode);
    const [error] = (await this.recorder.call("handleError")).given;
    assert.deepEqual([error.kind, error.reason, error.closeCode], ["decoding_failed", reason, closeCode]);
    assert.equal((await this.ended()).type, "closed");
    assert.equal(this.recorder.all("handleError").length, 1);
    assert.equal(this.recorder.all("handleDisconnect").length, 0);
    assert.equal(this.framesSent.filter(({ opcode }) => opcode === CLOSE).length, 1);
    assert.equal(this.framesSent.at(-1)?.opcode, CLOSE);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Without an answer to expect, the client's end is not waited for.
    this.peer.drop();
    await this.connection.stop();
    await this.#server.stop();
  }
}
