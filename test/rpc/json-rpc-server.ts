/**
 * A JSON-RPC 2.0 server made with `ws`, a peer that isn't ours: it has a few methods, and answers when and how a test says.
 */

import type { JsonRpcMessage } from "../../src/rpc/index.ts";
import { type WsPeer, WsServer, type WsServerOptions } from "../fresh/ws-server.ts";

export type Request = JsonRpcMessage & { readonly method: string };

/** Answers a request, or leaves it be by giving undefined. */
export type Answering = (request: Request, peer: WsPeer) => JsonRpcMessage | undefined;

export const result = ({ id }: Request, value: unknown): JsonRpcMessage => ({
  jsonrpc: "2.0",
  ...(id === undefined ? {} : { id }),
  result: value,
});

export const failure = ({ id }: Request, code: number, message: string, data?: unknown): JsonRpcMessage => ({
  jsonrpc: "2.0",
  ...(id === undefined ? {} : { id }),
  error: { code, message, ...(data === undefined ? {} : { data }) },
});

/** Subtracts, echoes, refuses what it doesn't know, and never answers "silent". */
export const arithmetic: Answering = (request) => {
  const { id, method, params } = request;
  if (id === undefined) return undefined;
  switch (method) {
    case "subtract": {
      const [minuend, subtrahend] = params as [number, number];
      return result(request, minuend - subtrahend);
    }
    case "echo":
      return result(request, params ?? null);
    case "silent":
      return undefined;
    default:
      return failure(request, -32601, "Method not found", { method });
  }
};

export async function startJsonRpcServer(
  answering: Answering = arithmetic,
  options: WsServerOptions = {},
): Promise<WsServer> {
  return WsServer.start({
    ...options,
    onConnection: (peer, number) => {
      options.onConnection?.(peer, number);
      peer.socket.on("message", (data) => {
        const request = requestIn(String(data));
        if (request === undefined) return;
        const answer = answering(request, peer);
        if (answer !== undefined) peer.socket.send(JSON.stringify(answer));
      });
    },
  });
}

/** What a message asks; undefined when it is no request. */
function requestIn(data: string): Request | undefined {
  if (!data.startsWith("{")) return undefined;
  const message = JSON.parse(data) as JsonRpcMessage;
  return message.method === undefined ? undefined : (message as Request);
}

/** The requests a connection has received so far, as `method params #id`. */
export function requestsOf(peer: WsPeer): readonly string[] {
  return peer.received.entries
    .filter((entry) => entry.type === "text")
    .map(({ data }) => {
      const request = requestIn(String(data));
      if (request === undefined) return String(data);
      const { method, params, id } = request;
      const parts = [method, params === undefined ? "" : JSON.stringify(params), id === undefined ? "" : `#${id}`];
      return parts.filter((part) => part !== "").join(" ");
    });
}
