/** Extensions: what permessageDeflate takes, and what an extension of one's own has to be. */
import { type Extension, type ExtensionSession, type Options, permessageDeflate } from "../../src/index.ts";
import { exactly } from "./same.ts";

const session: ExtensionSession = {
  reservedBits: 0,
  scope: "message",
  takes: "every",
  encode(data, message) {
    exactly<Uint8Array>()(data, true);
    exactly<"text" | "binary">()(message.type, true);
    return undefined;
  },
  decode(data, frame, output) {
    exactly<boolean>()(frame.final, true);
    exactly<boolean>()(output.write(data), true);
    return undefined;
  },
};

export const own: Extension = { name: "x-own", offers: [[["a", "1"], ["b"]], []], accept: () => session };

export const options: Options<null> = {
  upgradeOptions: {
    extensions: [
      permessageDeflate({ serverNoContextTakeover: true, serverMaxWindowBits: 10, clientMaxWindowBits: false }),
      permessageDeflate(),
      own,
    ],
  },
};

export function whatIsWrong(): void {
  // @ts-expect-error 2353: there is no such option
  permessageDeflate({ windowBits: 10 });
  // @ts-expect-error 2322: true is no number of bits for the server's window
  permessageDeflate({ serverMaxWindowBits: true });
  // @ts-expect-error 2739: a name alone is no extension
  const extension: Extension = { name: "permessage-deflate" };
  // @ts-expect-error 2322: a session says which of the frames it takes
  const incomplete: ExtensionSession = { ...session, takes: "some" };
  // @ts-expect-error 2322: the close code of a fault is one of three
  const fault: ReturnType<ExtensionSession["decode"]> = { closeCode: 1000, message: "" };
  void [extension, incomplete, fault];
}
