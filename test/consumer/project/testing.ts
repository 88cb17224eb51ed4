/** A user's own test in TypeScript, with the scripted server. */
import { echo, refusing, type Script, TestServer } from "everfresh/testing";

const script: readonly Script[] = [refusing(503), echo()];

export async function url(): Promise<string> {
  await using server: TestServer = await TestServer.start({ script });
  return server.url.toString();
}

// @ts-expect-error: a port is a number
export const wrong = () => TestServer.start({ port: "8080" });
