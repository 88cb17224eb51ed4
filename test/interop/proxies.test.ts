/** nginx and HAProxy between us and a server: the whole conversation, idle connections, servers that are down, TLS ended at the proxy. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type FreshError, type Options, permessageDeflate, stop } from "../../src/index.ts";
import { accepting, echo, refusing, TestServer } from "../../src/testing/index.ts";
import { launch, Recorder } from "../fresh/fixtures.ts";
import { ca, client } from "./certificates.ts";
import { CONVERSATION } from "./conversation.ts";
import { type ForeignProxy, IDLE, type Manner, PROXIES, SELF_SIGNED } from "./proxies.ts";
import { ForeignServer, SERVERS, type ServerDriver } from "./servers.ts";

const serverNamed = (wanted: string) => SERVERS.find(({ name }) => name === wanted) as ServerDriver;
const WS = serverNamed("ws");
const COMPRESSED = { upgradeOptions: { extensions: [permessageDeflate({ threshold: 0 })] } };
/** Ways through a proxy, in words and as its configuration has them, with options of ours. */
const MANNERS: readonly (readonly [words: string, manner: Manner, options: Options<null>])[] = [
  ["plain", "plain", {}],
  ["buffered", "buffered", {}],
  ["compressed", "plain", COMPRESSED],
];

for (const driver of PROXIES) {
  for (const [words, manner, options] of MANNERS) {
    describe(`ws behind ${driver.name}, ${words}`, () => {
      let server: ForeignServer;
      let proxy: ForeignProxy;
      before(async () => {
        server = await WS.start({ deflate: { threshold: 0 } });
        proxy = await driver.start(server.port);
      });
      after(async () => {
        await proxy.stop();
        await server.stop();
      });
      for (const { rule, hold } of CONVERSATION.filter(({ applies }) => applies(WS))) {
        test(`ws behind ${driver.name}, ${words}: ${rule}`, () =>
          proxy.process.blamed(() =>
            hold({ driver: WS, server: new ForeignServer(server.process, proxy.url(manner, "")), options }),
          ));
      }
    });
  }

  describe(driver.name, () => {
    let backend: TestServer;
    let proxy: ForeignProxy;
    before(async () => {
      backend = await TestServer.start();
      proxy = await driver.start(backend.port);
    });
    after(async () => {
      await proxy.stop();
      await backend.stop();
    });
    const through = (rule: string, use: () => Promise<void>) =>
      test(`${driver.name}: ${rule}`, () => {
        backend.onConnection(echo());
        return proxy.process.blamed(use);
      });

    through("what is idle for too long is cut, which is streaming_failed, and reconnected", async () => {
      const recorder = new Recorder<null>();
      await using connection = launch(proxy.url("idle"), recorder, null, { pingInterval: 0 });
      await recorder.call("handleConnect", 2);
      assert.deepEqual(
        recorder.lines.map((line) => line.split(" ").slice(0, 2).join(" ")),
        ["handleConnect 101", "handleError streaming_failed", "handleConnect 101"],
      );
      assert.ok(connection.isOpen);
    });

    through("our pings keep up what would be cut when idle", async () => {
      const pingInterval = IDLE / 5;
      const recorder = new Recorder<null>();
      await using connection = launch(proxy.url("idle"), recorder, null, { pingInterval });
      // So many pongs take twice as long as an idle connection is left alone.
      await recorder.call("handleControl", (2 * IDLE) / pingInterval + 1);
      assert.ok(connection.isOpen);
      assert.equal(recorder.all("handleConnect").length, 1);
      assert.deepEqual(recorder.all("handleError"), []);
    });

    through(
      "a server that is down is establishing_failed with the proxy's status; when it is back it is found",
      async () => {
        await backend.down();
        const recorder = new Recorder<null>();
        await using connection = launch(proxy.url("plain"), recorder, null);
        const [error] = (await recorder.call("handleError", 2)).given;
        assert.deepEqual(
          [error.kind, error.reason, error.status],
          ["establishing_failed", "status", driver.withoutBackend],
        );
        await backend.up();
        await connection.opened();
        connection.send("back again");
        assert.equal((await recorder.call("handleIn")).given[0].data, "back again");
      },
    );

    through("a server that vanishes behind it is streaming_failed, and reconnected", async () => {
      backend.onConnection([accepting((peer) => peer.reset()), echo()]);
      const recorder = new Recorder<null>();
      await using _ = launch(proxy.url("plain"), recorder, null);
      await recorder.call("handleConnect", 2);
      assert.deepEqual(
        recorder.lines.map((line) => line.split(" ").slice(0, 2).join(" ")),
        ["handleConnect 101", "handleError streaming_failed", "handleConnect 101"],
      );
    });

    for (const name of ["websockets", "Tornado"]) {
      test(`${driver.name}: in front of ${name} it strips the Upgrade header off, and the error says to look for that`, async () => {
        await using server = await serverNamed(name).start();
        await using proxy = await driver.start(server.port);
        const error = await failure(proxy.url("stripped", "/echo"));
        assert.deepEqual([error.kind, error.reason], ["establishing_failed", "status"]);
        // Which of the two depends also on the version of HTTP that the proxy speaks with the server.
        assert.ok(error.status === 400 || error.status === 426, `${error.status}`);
        assert.match(error.message, /no proxy in between takes the Upgrade header off/);
      });
    }

    through("a page instead of a WebSocket is establishing_failed with its status", async () => {
      backend.onConnection(refusing(200, { body: "hello" }));
      const error = await failure(proxy.url("stripped"));
      assert.deepEqual([error.kind, error.reason, error.status], ["establishing_failed", "status", 200]);
      assert.match(error.message, /no proxy in between takes the Upgrade header off/);
    });

    describe("with TLS of its own", () => {
      const trust: Options<null> = { transportOptions: { ca } };

      through("wss: ends at it, the server behind it needs none", async () => {
        await roundTrip(proxy.url("plain", "/", "TLS"), trust);
        await roundTrip(proxy.url("plain", "/", "TLS").replace("wss:", "https:"), trust);
      });

      through("an unknown authority's certificate is connecting_failed in the phase tls", async () => {
        const error = await failure(proxy.url("plain", "/", "TLS"));
        assert.deepEqual([error.kind, error.phase], ["connecting_failed", "tls"]);
        assert.match(error.message, /transportOptions\.ca/);
      });

      through("a certificate for another host is refused, unless servername asks for that one", async () => {
        const url = proxy.url("plain", "/", "OTHER_HOST");
        const error = await failure(url, trust);
        assert.deepEqual([error.kind, error.phase, error.reason], ["connecting_failed", "tls", "cert_altname_invalid"]);
        await roundTrip(url, { transportOptions: { ca, servername: "other.test" } });
      });

      through("an expired certificate is refused", async () => {
        const error = await failure(proxy.url("plain", "/", "EXPIRED"), trust);
        assert.deepEqual([error.kind, error.phase, error.reason], ["connecting_failed", "tls", "cert_has_expired"]);
      });

      through("a certificate that signed itself is refused, and taken when it is trusted itself", async () => {
        const url = proxy.url("plain", "/", "SELF_SIGNED");
        const error = await failure(url, trust);
        assert.deepEqual(
          [error.kind, error.phase, error.reason],
          ["connecting_failed", "tls", "depth_zero_self_signed_cert"],
        );
        await roundTrip(url, { transportOptions: { ca: SELF_SIGNED } });
        await roundTrip(url, { transportOptions: { rejectUnauthorized: false } });
      });

      through("a client certificate that it asks for opens the way, and nothing else does", async () => {
        const url = proxy.url("plain", "/", "CLIENT_CERTIFICATE");
        await roundTrip(url, { transportOptions: { ca, ...client } });
        const error = await failure(url, trust);
        assert.deepEqual([error.kind, error.phase, error.status ?? error.reason], driver.withoutCertificate);
      });
    });
  });
}

/** Sends a message to the echo and gets it back. */
async function roundTrip(url: string, options: Options<null> = {}): Promise<void> {
  const recorder = new Recorder<null>();
  await using connection = launch(url, recorder, null, options);
  connection.send("there and back");
  assert.equal((await recorder.call("handleIn")).given[0].data, "there and back");
  assert.deepEqual(recorder.all("handleError"), []);
}

/** The error of a connection's first attempt. */
async function failure(url: string, options: Options<null> = {}): Promise<FreshError> {
  const recorder = new Recorder<null>({ handleError: () => stop() });
  await launch(url, recorder, null, options).exited;
  return (await recorder.call("handleError")).given[0];
}
