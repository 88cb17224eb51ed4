/** Options become what a session does; what can't be carried out is said before anything is opened. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parseArguments } from "../../../src/cli/arguments.ts";
import { LINGER, planOf } from "../../../src/cli/connect/plan.ts";
import { connect } from "../../../src/cli/connect.ts";
import { UsageError } from "../../../src/cli/exit-code.ts";
import { FakeHost } from "../fake-host.ts";

const TLS = (name: string) => fileURLToPath(new URL(`../../fixtures/tls/${name}`, import.meta.url));
const URL_OF_NOBODY = "ws://127.0.0.1:1";

const parse = (args: readonly string[]) => parseArguments(args, connect.options);
const plan = (...args: readonly string[]) => planOf(parse([...args, URL_OF_NOBODY]), false);

test("without options the library's defaults hold, and nothing limits the session", () => {
  const { uri, options, afterEnd, maxMessages } = plan();
  assert.deepEqual(
    { uri, afterEnd, maxMessages },
    { uri: URL_OF_NOBODY, afterEnd: "reconnect", maxMessages: Infinity },
  );
  assert.deepEqual(options, {
    headers: [],
    upgradeOptions: { subprotocols: [], extensions: [] },
    transportOptions: { tls: {} },
  });
});

test("each option has its place", () => {
  const args = [
    "-H",
    "a: b",
    "-s",
    "x",
    "--ping-interval",
    "5",
    "--connect-timeout",
    "6",
    "--no-reconnect",
    "--max-messages",
    "7",
  ];
  const { options, afterEnd, maxMessages } = plan(...args, "--insecure");
  assert.deepEqual(options, {
    headers: [["a", "b"]],
    upgradeOptions: { subprotocols: ["x"], extensions: [] },
    transportOptions: { tls: { rejectUnauthorized: false } },
    pingInterval: 5,
    connectTimeout: 6,
    upgradeTimeout: 6,
  });
  assert.deepEqual({ afterEnd, maxMessages }, { afterEnd: "exit", maxMessages: 7 });
});

test("--compress offers permessage-deflate, and --max-redirects says how many may be followed", () => {
  const { upgradeOptions, maxRedirects } = plan("--compress", "--max-redirects", "3").options;
  assert.deepEqual(
    upgradeOptions?.extensions?.map(({ name }) => name),
    ["permessage-deflate"],
  );
  assert.equal(maxRedirects, 3);
});

test("certificates are checked unless --insecure is given, whatever else is", () => {
  const { options } = plan("--ca", TLS("authority.crt"), "--cert", TLS("client.crt"), "--key", TLS("client.key"));
  const { tls } = options.transportOptions ?? {};
  assert.deepEqual(Object.keys(tls ?? {}), ["ca", "cert", "key"]);
});

test("how long the input's end is outlived depends on the input, and on what was asked for", () => {
  const terminal = planOf(parse([URL_OF_NOBODY]), true);
  assert.deepEqual([plan().lingerAfter("lines"), plan().lingerAfter("empty")], [LINGER, Infinity]);
  assert.deepEqual([terminal.lingerAfter("lines"), terminal.lingerAfter("empty")], [0, 0]);
  const counting = plan("--max-messages", "1");
  assert.deepEqual([counting.lingerAfter("lines"), counting.lingerAfter("empty")], [Infinity, Infinity]);
  const told = plan("--max-messages", "1", "--linger", "5");
  assert.deepEqual([told.lingerAfter("lines"), told.lingerAfter("empty")], [5, 5]);
});

const REFUSALS: readonly (readonly [args: readonly string[], sentence: RegExp])[] = [
  [[], /connect takes the server's address/],
  [[URL_OF_NOBODY, "more"], /connect takes one address/],
  [["127.0.0.1:8080"], /is not an address\. It takes ws:\/\/host/],
  [["ftp://127.0.0.1"], /has the scheme ftp:/],
  [["--heeder", "x", URL_OF_NOBODY], /There is no option --heeder\. Did you mean --header\?/],
  [["--header", URL_OF_NOBODY], /connect takes the server's address/],
  [["--header", "Bearer hunter2", URL_OF_NOBODY], /--header takes 'NAME: VALUE'/],
  [["--header", "a b: hunter2", URL_OF_NOBODY], /--header takes 'NAME: VALUE'/],
  [["--header", "Upgrade: hunter2", URL_OF_NOBODY], /may not contain Upgrade/],
  [["--header", "X-Key: hunter2\u0001", URL_OF_NOBODY], /X-Key whose value holds a control character/],
  [["--subprotocol", "not a token", URL_OF_NOBODY], /subprotocols/],
  [["--max-messages", "0", URL_OF_NOBODY], /--max-messages takes a whole number from 1/],
  [["--ping-interval", "soon", URL_OF_NOBODY], /--ping-interval takes a whole number from 0/],
  [["--linger", "-5", URL_OF_NOBODY], /--linger takes a value, and an option follows it/],
  [["--connect-timeout", "1s", URL_OF_NOBODY], /--connect-timeout takes a whole number/],
  [["--raw", "--json", URL_OF_NOBODY], /--raw and --json are two ways to print/],
  [["--cert", TLS("client.crt"), URL_OF_NOBODY], /--cert and --key go together/],
  [["--ca", "/no/such/file", URL_OF_NOBODY], /--ca names a file that can't be read: \/no\/such\/file \(ENOENT\)/],
  [["--cert", TLS("client.crt"), "--key", TLS("server.key"), URL_OF_NOBODY], /TLS can't use what is in --cert, --key/],
];

for (const [args, sentence] of REFUSALS) {
  test(`refused: connect ${args.map((arg) => arg.split("/").at(-1)).join(" ")}`, async () => {
    const host = new FakeHost();
    await assert.rejects(
      async () => connect.run(parse(args), host),
      (error) => {
        assert.ok(error instanceof UsageError, String(error));
        assert.match(error.message, sentence);
        assert.doesNotMatch(error.message, /hunter2/);
        return true;
      },
    );
    assert.equal(host.stdout + host.stderr, "");
  });
}
