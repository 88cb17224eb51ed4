/** A scripted server with a fault proxy before it, for tests of the proxy; both end together. */
import { FaultProxy, type FaultRule, type Script, TestServer } from "../../src/testing/index.ts";
import { CERTIFICATE, KEY } from "./certificate.ts";
import { RawClient } from "./raw-client.ts";

export type BehindProxy = AsyncDisposable & {
  readonly server: TestServer;
  readonly proxy: FaultProxy;
  /** Connects through the proxy, over plain TCP. */
  readonly connect: () => Promise<RawClient>;
};

export async function behindProxy(
  rules: readonly FaultRule[] = [],
  options: {
    readonly script?: Script;
    readonly proxyTls?: boolean;
    readonly serverTls?: boolean;
    readonly abandonAfter?: number;
  } = {},
): Promise<BehindProxy> {
  const tls = { key: KEY, cert: CERTIFICATE };
  const server = await TestServer.start({
    ...(options.script && { script: options.script }),
    ...(options.serverTls && { tls }),
  });
  const proxy = await FaultProxy.start({
    target: server.url,
    plan: { connections: rules },
    ...(options.proxyTls && { tls }),
    ...(options.abandonAfter !== undefined && { abandonAfter: options.abandonAfter }),
  });
  const clients: RawClient[] = [];
  return {
    server,
    proxy,
    async connect() {
      const client = await RawClient.connect(proxy.port);
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      await proxy.stop();
      for (const { socket } of clients) socket.destroy();
      await server.stop();
    },
  };
}
