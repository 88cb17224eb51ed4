/**
 * The head of an answer, read once more after Node's parser. How much that one lets pass depends on its version: names with
 * blanks in them, names that are empty, control characters in the reason phrase. What HTTP forbids is refused here whatever
 * Node makes of it.
 */
import type { IncomingMessage } from "node:http";
import { isToken } from "../protocol/index.ts";

/** What no HTTP answer says, as the end of a sentence; undefined when there is nothing of the kind. */
export function headFault({
  rawHeaders,
  statusMessage = "",
}: Pick<IncomingMessage, "rawHeaders" | "statusMessage">): string | undefined {
  // Which field it is isn't told: what stands there is the peer's, and would reach a log.
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (!isToken(rawHeaders[index] as string)) return "the name of a field is no token (RFC 9110 §5.6.2)";
    if (!isText(rawHeaders[index + 1] as string))
      return "the value of a field holds a control character (RFC 9110 §5.5)";
  }
  return isText(statusMessage) ? undefined : "its reason phrase holds a control character (RFC 9112 §4)";
}

/** Visible characters, blanks, and bytes beyond ASCII. */
function isText(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}
