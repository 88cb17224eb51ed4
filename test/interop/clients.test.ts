/** Our scripted server (`everfresh/testing`) with each client that isn't ours: clients.ts is the table of them. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { accepting, rawFrame, refusing, type Script, TestServer } from "../../src/testing/index.ts";
import { AUTHORITY_FILE, certificateFiles } from "./certificates.ts";
import type { Step } from "./clients/steps.ts";
import { CLIENTS } from "./clients.ts";

/** A message of one text, which the test then has in its results, to know that all before it has been done. */
const DONE = "done";

for (const client of CLIENTS) {
  describe(client.name, () => {
    const against = (rule: string, script: Script | undefined, use: (server: TestServer) => Promise<void>) =>
      test(`${client.name}: ${rule}`, async () => {
        await using server = await TestServer.start(script === undefined ? {} : { script });
        await use(server);
      });

    against("texts and bytes of every form of length come back from the echo", undefined, async (server) => {
      const texts = ["größer 🦊", "", "x".repeat(125), "x".repeat(126), "x".repeat(70_000)];
      const lengths = [0, 126, 65_535, 65_536, 1_048_576];
      const results = await client.run({
        uri: server.url,
        steps: [
          ...texts.flatMap((text): Step[] => [["send", text], ["receive"]]),
          ...lengths.flatMap((length): Step[] => [["send-bytes", length], ["receive"]]),
          ["close", 1000, "bye"],
          ["end"],
        ],
      });
      assert.deepEqual(told(results), [
        ...texts,
        ...lengths.map((bytes) => ({ bytes })),
        { code: 1000, reason: "bye", clean: true },
      ]);
      assert.deepEqual(await server.connections[0]?.ended, { type: "closed", code: 1000, reason: "bye" });
    });

    if (client.fragments) {
      against("its fragments are one message", undefined, async (server) => {
        const steps: Step[] = [["send-fragments", ["one ", "größer ", "🦊 three"]], ["receive"]];
        assert.deepEqual(told(await client.run({ uri: server.url, steps })), ["one größer 🦊 three"]);
      });
    }

    if (client.pings) {
      against("its ping is answered with its payload", undefined, async (server) => {
        assert.deepEqual(await client.run({ uri: server.url, steps: [["ping", "are you there"]] }), [true]);
      });
    }

    const pinging: Script = accepting(async (peer) => {
      peer.send({ type: "ping", data: Buffer.from("from the server") });
      assert.equal(Buffer.from((await peer.receive("pong")).data).toString(), "from the server");
      peer.send(DONE);
    });
    against("it answers the server's ping", pinging, async (server) => {
      assert.deepEqual(await client.run({ uri: server.url, steps: [["receive"]] }), [DONE]);
    });

    const closing: Script = accepting((peer) => peer.close(4001, "größer"));
    against("it takes the server's close with its code and reason, and answers it", closing, async (server) => {
      const results = await client.run({ uri: server.url, steps: [["end"]] });
      assert.deepEqual(results, [{ code: 4001, reason: "größer", clean: true }]);
      const [code, reason] = client.closeAnswer(4001, "größer");
      assert.deepEqual(await server.connections[0]?.ended, { type: "closed", code, reason });
    });

    const inPieces: Script = accepting(async (peer) => {
      peer.sendRaw(
        Buffer.concat([
          rawFrame({ opcode: "text", fin: false, payload: "one " }),
          rawFrame({ opcode: "ping", payload: "between" }),
          rawFrame({ opcode: "continuation", payload: "message" }),
        ]),
      );
      assert.equal(Buffer.from((await peer.receive("pong")).data).toString(), "between");
      await peer.sendInPieces(rawFrame({ opcode: "text", payload: "byte by byte" }), 1, 0);
    });
    against(
      "it takes fragments with control frames between them, and bytes one at a time",
      inPieces,
      async (server) => {
        const steps: Step[] = [["receive"], ["receive"]];
        assert.deepEqual(await client.run({ uri: server.url, steps }), ["one message", "byte by byte"]);
      },
    );

    against("it sees a refusal, and the server its request", refusing(403, { body: "no\n" }), async (server) => {
      const headers = { authorization: "Bearer x" };
      const results = await client.run({ uri: server.url, steps: [["receive"]], headers });
      assert.deepEqual(results, [{ refused: client.tellsStatus ? 403 : 0 }]);
      assert.equal((await server.connections[0]?.request())?.header("authorization"), "Bearer x");
    });

    against("it agrees to the first subprotocol that it offers", undefined, async (server) => {
      const results = await client.run({ uri: server.url, steps: [["subprotocol"]], subprotocols: ["chat", "mqtt"] });
      assert.deepEqual(results, ["chat"]);
    });

    against(
      "a server that vanishes is 1006 for it",
      accepting((peer) => peer.reset()),
      async (server) => {
        const results = await client.run({ uri: server.url, steps: [["end"]] });
        assert.deepEqual(results, [{ code: 1006, reason: "", clean: false }]);
      },
    );

    if (client.aborts) {
      against("when it vanishes, its connection has ended without a close frame", accepting(), async (server) => {
        await client.run({ uri: server.url, steps: [["abort"], ["end"]] });
        const { type } = await (await server.connection(1)).ended;
        assert.ok(type === "fin" || type === "reset", type);
      });
    }

    const violating: Script = accepting((peer) => peer.sendRaw(rawFrame({ opcode: 3 })));
    against("it finds the server's violation, and the server hears of that", violating, async (server) => {
      await client.run({ uri: server.url, steps: [["end"]] });
      const end = await server.connections[0]?.ended;
      assert.equal(end?.type === "closed" ? end.code : end?.type, client.violationEnd);
    });

    test(`${client.name}: a wss: server is one for it too`, async () => {
      const { cert, key } = certificateFiles("server");
      await using server = await TestServer.start({ tls: { key: readFileSync(key), cert: readFileSync(cert) } });
      const steps: Step[] = [["send", "secret"], ["receive"]];
      assert.deepEqual(told(await client.run({ uri: server.url, steps, ca: AUTHORITY_FILE })), ["secret"]);
    });
  });
}

/** Results of steps that have one. */
function told(results: readonly unknown[]): readonly unknown[] {
  return results.filter((result) => result !== null && result !== undefined);
}
