/** A user's program in TypeScript on the protocol alone. */
import { acceptKeyOf, Engine, type ProtocolEvent } from "everfresh/protocol";

const key: string = acceptKeyOf("dGhlIHNhbXBsZSBub25jZQ==");

export const typeOf = (event: ProtocolEvent): string => (event.type === "violation" ? event.reason : event.type);
export const used: readonly unknown[] = [key.length, Engine];
// @ts-expect-error: a key is a string
export const wrong: string = acceptKeyOf(1);
