/** permessage-deflate (RFC 7692) with each server that isn't ours and has it: deflate-servers.ts is the table of what is agreed. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Options, type PermessageDeflateOptions, permessageDeflate } from "../../src/index.ts";
import { begin, CONVERSATION, comeBack, type Session } from "./conversation.ts";
import { AGREEING, OFFERS, type Offer, type Outcome, type Refusal, WANTING } from "./deflate-servers.ts";
import { type ForeignServer, SERVERS, type ServerDriver, type Wish } from "./servers.ts";

/** Much alike, so that with a memory of the last ones each takes a few bytes. */
const QUOTES = Array.from({ length: 200 }, (_, index) =>
  JSON.stringify({
    symbol: "BTC-USD",
    price: 60_000 + index * 7,
    size: index / 8,
    side: "buy",
    sequence: index,
  }),
);
const LARGE = ["größer 🦊 ".repeat(20_000), Buffer.alloc(300_000, "abc"), "", Buffer.alloc(0), "x"] as const;

const driverOf = (name: string) => SERVERS.find((driver) => driver.name === name) as ServerDriver;

for (const { server: name, settings, outcomes, tells } of AGREEING) {
  const driver = driverOf(name);
  describe(`${name}, compressed`, () => {
    let server: ForeignServer;
    before(async () => {
      server = await driver.start({ deflate: settings });
    });
    after(() => server.stop());

    for (const offer of Object.keys(OFFERS) as readonly Offer[]) {
      const outcome = outcomes[offer] ?? offer;
      test(`${name}: offered ${offer || "permessage-deflate"}, ${inWords(outcome)}`, () =>
        server.process.blamed(() => {
          const session = { driver, server, options: offering(OFFERS[offer]) };
          if (isRefusal(outcome)) return refuse(session, outcome, tells ?? driver.echo);
          return tells === undefined ? agree(session, OFFERS[offer], outcome) : listen(session, outcome, tells);
        }));
    }

    if (tells !== undefined) return;
    for (const { rule, hold } of CONVERSATION.filter(({ applies }) => applies(driver))) {
      test(`${name}, compressed: ${rule}`, () =>
        server.process.blamed(() => hold({ driver, server, options: offering({}) })));
    }
  });
}

for (const { server: name, settings, outcome, forgetsQuietly } of WANTING) {
  test(`${name}: told ${JSON.stringify(settings)}, ${inWords(outcome)}`, async () => {
    const driver = driverOf(name);
    await using server = await driver.start({ deflate: settings });
    await server.process.blamed(() => agree({ driver, server, options: offering({}) }, {}, outcome, forgetsQuietly));
  });
}

for (const driver of SERVERS) {
  test(`${driver.name}: that has no compression is offered it in vain, and talked to without`, async () => {
    await using server = await driver.start();
    const { extensions } = await comeBack({ driver, server, options: offering({}) }, QUOTES);
    assert.equal(extensions, "");
  });
}

/** The server agrees to this; then much and long messages come back under it, in their order. */
async function agree(
  session: Session,
  offer: PermessageDeflateOptions,
  outcome: string,
  forgetsQuietly = false,
): Promise<void> {
  const { extensions, bytesSent, bytesReceived } = await comeBack(session, QUOTES);
  assert.equal(parametersOf(extensions), outcome);
  // With a memory of the earlier messages these shrink to a third, without one hardly.
  const plain = Buffer.byteLength(QUOTES.join(""));
  const clientForgets = offer.clientNoContextTakeover || outcome.includes("client_no_context_takeover");
  const serverForgets = forgetsQuietly || outcome.includes("server_no_context_takeover");
  assert.equal(bytesSent > plain / 2, clientForgets, `${bytesSent} bytes were sent for ${plain}`);
  assert.equal(bytesReceived > plain / 2, serverForgets, `${bytesReceived} bytes came back for ${plain}`);
  await comeBack(session, LARGE);
}

/** The server agrees to this, and says something in JSON under it. */
async function listen(session: Session, outcome: string, wish: Wish): Promise<void> {
  const { connection, recorder } = begin(session, wish);
  await using _ = connection;
  const [{ data }] = (await recorder.call("handleIn")).given;
  assert.equal(parametersOf(connection.extensions), outcome);
  assert.equal(typeof JSON.parse(data as string), "object");
}

/** The server refuses, or what it answers is none to our offer. */
async function refuse(session: Session, outcome: Refusal, wish: Wish): Promise<void> {
  const { connection, recorder } = begin(session, wish);
  await connection.exited;
  const [{ kind, reason, status }] = (await recorder.call("handleError")).given;
  const expected = outcome === "no answer" ? ["extensions", 101] : ["status", outcome];
  assert.deepEqual([kind, reason, status], ["establishing_failed", ...expected]);
}

function offering(offer: PermessageDeflateOptions): Options<null> {
  return {
    upgradeOptions: {
      extensions: [permessageDeflate({ threshold: 0, ...offer })],
    },
  };
}

/** The parameters of the only extension, in the order of the alphabet. */
function parametersOf(extensions: string): string {
  const [name, ...parameters] = extensions.split(/;\s*/);
  assert.equal(name, "permessage-deflate");
  return parameters.sort().join("; ");
}

function isRefusal(outcome: Outcome): outcome is Refusal {
  return typeof outcome === "number" || outcome === "no answer";
}

function inWords(outcome: Outcome): string {
  if (typeof outcome === "number") return `it refuses with ${outcome}`;
  return outcome === "no answer" ? "its answer is none to that" : `it agrees to ${outcome || "permessage-deflate"}`;
}
