/**
 * Agreeing on extensions (RFC 6455 §9.1): what a client offers, whether the server's answer is one that can be agreed to, and what
 * a server answers.
 */
import {
  type Extension,
  type ExtensionAgreement,
  type ExtensionParameters,
  type ExtensionSession,
  type ExtensionSettings,
  RSV1,
  RSV2,
  RSV3,
} from "./extension.ts";
import { type AgreedExtension, closeSession, ExtensionStack } from "./extension-stack.ts";
import type { ExtensionEntry } from "./header-field.ts";
import { wordsOf } from "./thrown.ts";

const RESERVED = RSV1 | RSV2 | RSV3;

/** `stack`: what was agreed on, undefined for nothing. */
export type NegotiationResult =
  | { readonly type: "agreed"; readonly stack: ExtensionStack | undefined }
  | { readonly type: "refused"; readonly message: string };

/** An extension as one entry of Sec-WebSocket-Extensions; names and values are tokens. */
function entryOf(name: string, parameters: ExtensionParameters): string {
  const words = parameters.map(([parameter, value]) => (value === undefined ? parameter : `${parameter}=${value}`));
  return [name, ...words].join("; ");
}

/** What stands in a client's Sec-WebSocket-Extensions, an entry for each offer, in order of preference. */
export function offersOf(extensions: readonly Extension[]): readonly string[] {
  return extensions.flatMap(({ name, offers }) => offers.map((offer) => entryOf(name, offer)));
}

/**
 * A client's side. `entries` are those of the server's answer, each of which names an extension that was offered. Of several extensions with
 * one name the first that agrees to the answer is taken: the answer doesn't say which offer it is for.
 */
export function agreeTo(
  entries: readonly ExtensionEntry[],
  offered: readonly Extension[],
  settings: ExtensionSettings,
): NegotiationResult {
  const agreed: AgreedExtension[] = [];
  for (const { name, parameters } of entries) {
    if (agreed.some((other) => other.name === name)) {
      closeAll(agreed);
      return refused(`The server's answer names the extension ${name} twice (RFC 6455 §9.1).`);
    }
    const session = sessionFor(name, parameters, offered, settings);
    const fault = "refused" in session ? session.refused : sessionFault(session, agreed);
    if (fault !== undefined || "refused" in session) {
      if (!("refused" in session)) closeSession(session);
      closeAll(agreed);
      return refused(`The server's answer for the extension ${name} can't be agreed to: ${fault}`);
    }
    agreed.push({ name, session });
  }
  return stackOf(
    entries.map(({ name, parameters }) => entryOf(name, parameters)),
    agreed,
  );
}

function sessionFor(
  name: string,
  parameters: ExtensionParameters,
  offered: readonly Extension[],
  settings: ExtensionSettings,
): ExtensionSession | { readonly refused: string } {
  let first: { readonly refused: string } | undefined;
  for (const extension of offered) {
    if (extension.name !== name) continue;
    try {
      const session = extension.accept(parameters, settings);
      if (!("refused" in session)) return session;
      first ??= session;
    } catch (error) {
      first ??= { refused: `it failed on it: ${wordsOf(error)}` };
    }
  }
  return first ?? { refused: "it was not offered." };
}

/**
 * A server's side. The client's offers are taken in its order of preference; the first of a name that one of `supported` agrees to is
 * answered, and whatever collides with what has been agreed to before is declined. Throws what an extension throws.
 */
export function answerTo(
  offers: readonly ExtensionEntry[],
  supported: readonly Extension[],
  settings: ExtensionSettings,
): ExtensionStack | undefined {
  const agreed: AgreedExtension[] = [];
  const answers: string[] = [];
  for (const { name, parameters } of offers) {
    if (agreed.some((other) => other.name === name)) continue;
    try {
      const agreement = agreementFor(name, parameters, supported, settings);
      if (agreement === undefined) continue;
      if (sessionFault(agreement.session, agreed) !== undefined) {
        closeSession(agreement.session);
        continue;
      }
      agreed.push({ name, session: agreement.session });
      answers.push(entryOf(name, agreement.parameters));
    } catch (error) {
      closeAll(agreed);
      throw error;
    }
  }
  return agreed.length === 0 ? undefined : new ExtensionStack(answers.join(", "), agreed);
}

function agreementFor(
  name: string,
  offer: ExtensionParameters,
  supported: readonly Extension[],
  settings: ExtensionSettings,
): ExtensionAgreement | undefined {
  for (const extension of supported) {
    const agreement = extension.name === name ? extension.answer?.(offer, settings) : undefined;
    if (agreement !== undefined) return agreement;
  }
  return undefined;
}

/** What is no session, and two extensions that use the same bits, which can't be told apart (RFC 6455 §9.1, RFC 7692 §5.1). */
function sessionFault(session: ExtensionSession, agreed: readonly AgreedExtension[]): string | undefined {
  const { reservedBits, scope, takes, encode, decode } = session;
  if (typeof encode !== "function" || typeof decode !== "function") {
    return "it made no session with encode and decode; it makes one at once, and no promise of one.";
  }
  if (scope !== "message" && scope !== "frame") return 'its session has another scope than "message" and "frame".';
  if (takes !== "marked" && takes !== "every") return 'its session takes something else than "marked" and "every".';
  if (!Number.isInteger(reservedBits) || (reservedBits & ~RESERVED) !== 0) {
    return "it uses other bits than the three reserved ones.";
  }
  const rival = agreed.find(({ session }) => (session.reservedBits & reservedBits) !== 0);
  return rival === undefined ? undefined : `it uses a reserved bit that ${rival.name} uses as well.`;
}

function stackOf(entries: readonly string[], agreed: readonly AgreedExtension[]): NegotiationResult {
  return { type: "agreed", stack: agreed.length === 0 ? undefined : new ExtensionStack(entries.join(", "), agreed) };
}

function closeAll(agreed: readonly AgreedExtension[]): void {
  for (const { session } of agreed) closeSession(session);
}

function refused(message: string): NegotiationResult {
  return { type: "refused", message };
}
