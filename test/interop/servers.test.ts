/** The same conversation with each server that isn't ours: servers.ts is the table of them. */
import { after, before, describe, test } from "node:test";
import { CONVERSATION } from "./conversation.ts";
import { type ForeignServer, SERVERS } from "./servers.ts";

for (const driver of SERVERS) {
  describe(driver.name, () => {
    let server: ForeignServer;
    before(async () => {
      server = await driver.start();
    });
    after(() => server.stop());

    for (const { rule, hold } of CONVERSATION.filter(({ applies }) => applies(driver))) {
      test(`${driver.name}: ${rule}`, () => server.process.blamed(() => hold({ driver, server, options: {} })));
    }
  });
}
