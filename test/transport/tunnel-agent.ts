/**
 * An agent that asks a proxy on 127.0.0.1 for a tunnel, in the way of the usual ones: it tells the request what the proxy
 * answered ("proxyConnect"), and of a refusal it hands over the answer itself.
 */
import { Agent, type ClientRequest } from "node:http";
import { connect, type Socket } from "node:net";

/** What a request is to its agent; Node's types know half of it. */
type AgentRequest = Omit<ClientRequest, "onSocket"> & { onSocket(socket: Socket | undefined, error?: Error): void };

export class TunnelAgent extends Agent {
  readonly proxy: URL;

  constructor(port: number) {
    super();
    this.proxy = new URL(`http://127.0.0.1:${port}`);
  }

  addRequest(request: AgentRequest, { host, port }: { readonly host: string; readonly port: number }): void {
    const socket = connect(Number(this.proxy.port), "127.0.0.1");
    const failed = (error: Error) => request.onSocket(undefined, error);
    socket.once("error", failed);
    socket.write(`CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`);
    socket.once("data", (answer) => {
      socket.removeListener("error", failed);
      socket.pause();
      const statusCode = Number(/^HTTP\/1\.1 (\d+)/.exec(answer.toString("latin1"))?.[1]);
      request.emit("proxyConnect", { statusCode });
      if (statusCode !== 200) socket.unshift(answer);
      request.once("socket", () => socket.resume());
      request.onSocket(socket);
    });
  }
}
