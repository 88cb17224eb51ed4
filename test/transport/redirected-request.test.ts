import assert from "node:assert/strict";
import { Agent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { test } from "node:test";
import { agentHasCredentials, forAnotherOrigin } from "../../src/transport/redirected-request.ts";
import { requestTo } from "./recorder.ts";

const request = requestTo("wss://a/", {
  headers: [
    ["Authorization", "Bearer x"],
    ["Host", "virtual"],
    ["X-Key", "y"],
  ],
  subprotocols: ["chat"],
  maxRedirects: 7,
  ref: false,
});

const moved = (transportOptions: Readonly<Record<string, unknown>>) =>
  forAnotherOrigin({ ...request, transportOptions }, new URL("wss://b/")).transportOptions;

test("none of the caller's headers go along to another origin; subprotocols and limits do", () => {
  const url = new URL("wss://b/x");
  assert.deepEqual(forAnotherOrigin(request, url), { ...request, url, headers: [] });
});

test("a client's certificate and what names the server stay behind, also within tls", () => {
  const own = {
    auth: "user:secret",
    cert: "c",
    clientCertEngine: "e",
    key: "k",
    passphrase: "p",
    pfx: "x",
    privateKeyEngine: "e",
    privateKeyIdentifier: "i",
    pskCallback: () => null,
    secureContext: {},
    headers: { cookie: "secret" },
    host: "a",
    hostname: "a",
    path: "/run/a.sock",
    port: 1,
    servername: "a",
    session: Buffer.alloc(1),
    socket: {},
    socketPath: "/run/a.sock",
  };
  assert.deepEqual(moved({ ...own, tls: own }), { tls: {} });
});

test("how the network is reached, and whom to believe, holds for another origin too", () => {
  const kept = {
    agent: new Agent(),
    localAddress: "127.0.0.1",
    family: 4,
    lookup: () => undefined,
    timeout: 5,
    maxHeaderSize: 4096,
    ca: "authority",
    rejectUnauthorized: true,
    checkServerIdentity: () => undefined,
    minVersion: "TLSv1.3",
  };
  assert.deepEqual(moved({ ...kept, tls: { ca: "other", crl: "list" } }), {
    ...kept,
    tls: { ca: "other", crl: "list" },
  });
});

test("the options for another origin are a new object, since TLS sessions are known by it", () => {
  const transportOptions = { ca: "authority" };
  assert.notEqual(moved(transportOptions), transportOptions);
});

test("an agent has credentials when its own options show some", () => {
  const has = (agent: unknown) => agentHasCredentials({ ...request, transportOptions: { agent } });
  for (const agent of [undefined, null, false, new Agent(), new HttpsAgent({ ca: "authority" }), { addRequest() {} }]) {
    assert.equal(has(agent), false);
  }
  for (const options of [{ cert: "c" }, { pfx: "x" }, { key: "k" }, { auth: "user:secret" }]) {
    assert.equal(has(new HttpsAgent(options)), true);
  }
});
