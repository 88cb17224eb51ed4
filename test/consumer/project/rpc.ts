/** A user's program in TypeScript with calls and subscriptions. */
import { createRpc, type Gap, jsonRpc, RpcError, type Subscription } from "everfresh/rpc";

type Methods = { subtract(params: readonly [number, number]): number; ping(): "pong" };

const rpc = createRpc(jsonRpc<Methods>(), { timeout: 1000 });
const Calculator = rpc.define<null>("Calculator", {});

export async function difference(): Promise<number | undefined> {
  await using connection = Calculator.start({ uri: "ws://127.0.0.1:9", state: null });
  const pong: "pong" = await rpc.call(connection, "ping");
  try {
    return pong.length + (await rpc.call(connection, "subtract", [2, 1], { idempotent: true }));
  } catch (error) {
    if (error instanceof RpcError) return error.code;
    throw error;
  }
}

export const prices = (onGap: (gap: Gap) => void): Subscription<number> =>
  rpc.subscribe("prices", {
    method: "subscribe",
    parameters: (previous: { from: number } | undefined) => ({ from: (previous?.from ?? 0) + 1 }),
    matches: ({ method }) => method === "price",
    item: ({ params }) => (params as readonly number[])[0] ?? 0,
    onGap,
  });

// @ts-expect-error: there is no such method
export const wrongMethod = () => rpc.call("prices", "add", [1, 2]);
// @ts-expect-error: two numbers
export const wrongParams = () => rpc.call("prices", "subtract", ["a"]);
