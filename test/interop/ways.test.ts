/** The ways to each server that isn't ours: IPv6, a unix socket, TLS with certificates on one side and on both; and its sudden end. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type FreshError, type Options, stop } from "../../src/index.ts";
import { launch, QUICK, Recorder } from "../fresh/fixtures.ts";
import { AUTHORITY_FILE, ca, certificateFiles, client } from "./certificates.ts";
import { comeBack } from "./conversation.ts";
import { type ForeignServer, SERVERS, type ServerDriver, type ServerOptions } from "./servers.ts";

const MESSAGES = ["there and back", "x".repeat(3000), "größer 🦊"] as const;

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "everfresh-"));
});
after(() => rmSync(folder, { recursive: true }));

for (const driver of SERVERS) {
  describe(driver.name, () => {
    if (driver.ways.includes("IPv6")) {
      test(`${driver.name}: at an IPv6 address in brackets`, () =>
        withServer(driver, { host: "::1" }, async (server) => {
          assert.match(server.url("/"), /^ws:\/\/\[::1\]:\d+\/$/);
          await comeBack({ driver, server, options: {} }, MESSAGES);
        }));
    }

    if (driver.ways.includes("unix")) {
      test(`${driver.name}: behind a unix socket, and when it is gone`, () =>
        withServer(driver, { unix: join(folder, `${driver.name}.sock`) }, async (server) => {
          assert.match(server.url("/"), /^ws\+unix:/);
          await comeBack({ driver, server, options: {} }, MESSAGES);
          await server.stop();
          const error = await failure(driver, server, {});
          assert.deepEqual([error.kind, error.phase], ["connecting_failed", "tcp"]);
        }));
    }

    if (driver.ways.includes("TLS")) {
      test(`${driver.name}: behind TLS, with the private authority that has signed its certificate and not without`, () =>
        withServer(driver, { tls: certificateFiles("server") }, async (server) => {
          assert.match(server.url("/"), /^wss:/);
          await comeBack({ driver, server, options: { transportOptions: { ca } } }, MESSAGES);
          await comeBack({ driver, server, options: { transportOptions: { tls: { ca } } } }, MESSAGES);
          const error = await failure(driver, server, {});
          assert.deepEqual([error.kind, error.phase], ["connecting_failed", "tls"]);
          assert.match(error.message, /certificate.*transportOptions\.ca/);
        }));
    }

    if (driver.ways.includes("client certificate")) {
      test(`${driver.name}: behind TLS that asks for the client's certificate, with it and not without`, () =>
        withServer(driver, { tls: { ...certificateFiles("server"), clientCa: AUTHORITY_FILE } }, async (server) => {
          await comeBack({ driver, server, options: { transportOptions: { ca, ...client } } }, MESSAGES);
          // With TLS 1.3 the handshake is over for the client before the server has judged its certificate. Most send an alert then.
          const error = await failure(driver, server, { transportOptions: { ca } });
          if (driver.endsTlsSilently) {
            assert.deepEqual([error.kind, error.phase], ["establishing_failed", "upgrade"]);
            assert.match(error.reason, /^(ended|reset)$/);
          } else {
            assert.deepEqual([error.kind, error.phase], ["connecting_failed", "tls"]);
            assert.match(error.message, /client certificate \(transportOptions\.cert and key\)/);
          }
          const older = await failure(driver, server, { transportOptions: { ca, maxVersion: "TLSv1.2" } });
          assert.deepEqual([older.kind, older.phase], ["connecting_failed", "tls"]);
        }));
    }

    test(`${driver.name}: killed, it is streaming_failed; back again, it is reconnected to`, async () => {
      await using first = await driver.start();
      const { path, subprotocols } = driver.echo;
      let url = first.url(path);
      const recorder = new Recorder<null>();
      const upgradeOptions = subprotocols === undefined ? {} : { subprotocols };
      await using connection = recorder.module.start({
        uri: () => url,
        state: null,
        options: { ...QUICK, upgradeOptions },
      });
      await recorder.call("handleConnect", 1);
      // Its port is free then, and may soon be another's: so look where nobody is, until it is back.
      url = "ws://127.0.0.1:1/";
      await first.process.kill();
      assert.equal((await recorder.call("handleError", 1)).given[0].kind, "streaming_failed");
      assert.equal((await recorder.call("handleError", 2)).given[0].kind, "connecting_failed");
      await using second = await driver.start();
      url = second.url(path);
      await second.process.blamed(async () => {
        await recorder.call("handleConnect", 2);
        connection.send("still here");
        await recorder.call("handleIn");
        assert.deepEqual(recorder.lines.at(-1), 'handleIn text "still here"');
      });
      await connection.stop();
    });
  });
}

/** Starts a server, does this with it, and stops it; when that fails, what the server said is shown. */
async function withServer(
  driver: ServerDriver,
  options: ServerOptions,
  use: (server: ForeignServer) => Promise<void>,
): Promise<void> {
  await using server = await driver.start(options);
  await server.process.blamed(() => use(server));
}

/** The error of a connection's first attempt. */
async function failure({ echo }: ServerDriver, server: ForeignServer, options: Options<null>): Promise<FreshError> {
  const recorder = new Recorder<null>({ handleError: () => stop() });
  await launch(server.url(echo.path), recorder, null, options).exited;
  return (await recorder.call("handleError")).given[0];
}
