/**
 * permessage-deflate (RFC 7692 §7): messages compressed with DEFLATE, both roles.
 */
import type {
  Extension,
  ExtensionAgreement,
  ExtensionParameters,
  ExtensionRefusal,
  ExtensionSession,
  ExtensionSettings,
} from "../extension.ts";
import { type PermessageDeflateOptions, type Settings, settingsOf } from "./options.ts";
import { type DeflateParameters, MOST_WINDOW_BITS, readParameters, writeParameters } from "./parameters.ts";
import { DeflateSession } from "./session.ts";

const NAME = "permessage-deflate";

/**
 * The extension, for `upgradeOptions.extensions` and for a test server. Name it more than once to offer fallbacks in order of preference.
 * Throws a TypeError for an option that it doesn't know or can't take.
 */
export function permessageDeflate(options: PermessageDeflateOptions = {}): Extension {
  return new PermessageDeflate(settingsOf(options));
}

class PermessageDeflate implements Extension {
  readonly name = NAME;
  readonly offers: readonly ExtensionParameters[];
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
    const { clientMaxWindowBits } = settings;
    this.offers = [
      writeParameters({
        ...settings,
        clientMaxWindowBits: clientMaxWindowBits === false ? undefined : clientMaxWindowBits,
      }),
    ];
  }

  accept(parameters: ExtensionParameters, settings: ExtensionSettings): ExtensionSession | ExtensionRefusal {
    const answer = readParameters(parameters, { of: "answer" });
    if ("refused" in answer) return answer;
    const refused = this.#disagreement(answer);
    if (refused !== undefined) return { refused };
    const { clientMaxWindowBits } = this.#settings;
    return new DeflateSession(this.#settings, settings, {
      ...answer,
      // Nobody has to ask us to do with less.
      clientNoContextTakeover: answer.clientNoContextTakeover || this.#settings.clientNoContextTakeover,
      clientMaxWindowBits: Math.min(bitsOf(clientMaxWindowBits), bitsOf(answer.clientMaxWindowBits)),
      serverMaxWindowBits: bitsOf(answer.serverMaxWindowBits),
    });
  }

  /** Why the answer is none to our offer (RFC 7692 §7.1.1, §7.1.2). */
  #disagreement(answer: DeflateParameters): string | undefined {
    const { serverNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits } = this.#settings;
    if (serverNoContextTakeover && !answer.serverNoContextTakeover) {
      return "server_no_context_takeover was asked for, and is not in it (RFC 7692 §7.1.1.1).";
    }
    if (serverMaxWindowBits !== undefined && bitsOf(answer.serverMaxWindowBits) > serverMaxWindowBits) {
      return answer.serverMaxWindowBits === undefined
        ? `server_max_window_bits=${serverMaxWindowBits} was asked for, and is not in it (RFC 7692 §7.1.2.1).`
        : `server_max_window_bits=${serverMaxWindowBits} was asked for, and it says ${answer.serverMaxWindowBits} (RFC 7692 §7.1.2.1).`;
    }
    if (answer.clientMaxWindowBits === undefined) return undefined;
    if (clientMaxWindowBits === false) {
      return "client_max_window_bits is in it, and was not offered (RFC 7692 §7.1.2.2).";
    }
    return bitsOf(answer.clientMaxWindowBits) > bitsOf(clientMaxWindowBits)
      ? `client_max_window_bits=${clientMaxWindowBits} was offered, and it says ${answer.clientMaxWindowBits} (RFC 7692 §7.1.2.2).`
      : undefined;
  }

  answer(parameters: ExtensionParameters, settings: ExtensionSettings): ExtensionAgreement | undefined {
    const offer = readParameters(parameters, { of: "offer" });
    if ("refused" in offer) return undefined;
    const own = this.#settings;
    const serverMaxWindowBits =
      own.serverMaxWindowBits === undefined && offer.serverMaxWindowBits === undefined
        ? undefined
        : Math.min(bitsOf(own.serverMaxWindowBits), bitsOf(offer.serverMaxWindowBits));
    // A client that doesn't offer it can't be asked for less than 15 (RFC 7692 §7.1.2.2).
    const wanted = Math.min(bitsOf(own.clientMaxWindowBits), bitsOf(offer.clientMaxWindowBits));
    const asksForLess = typeof own.clientMaxWindowBits === "number" && own.clientMaxWindowBits < MOST_WINDOW_BITS;
    if (asksForLess && offer.clientMaxWindowBits === undefined) return undefined;
    const agreed: DeflateParameters = {
      serverNoContextTakeover: own.serverNoContextTakeover || offer.serverNoContextTakeover,
      clientNoContextTakeover: own.clientNoContextTakeover || offer.clientNoContextTakeover,
      serverMaxWindowBits,
      clientMaxWindowBits: offer.clientMaxWindowBits === undefined || wanted === MOST_WINDOW_BITS ? undefined : wanted,
    };
    const session = new DeflateSession(own, settings, {
      ...agreed,
      serverMaxWindowBits: bitsOf(agreed.serverMaxWindowBits),
      clientMaxWindowBits: bitsOf(agreed.clientMaxWindowBits),
    });
    return { parameters: writeParameters(agreed), session };
  }
}

function bitsOf(bits: number | boolean | undefined): number {
  return typeof bits === "number" ? bits : MOST_WINDOW_BITS;
}
