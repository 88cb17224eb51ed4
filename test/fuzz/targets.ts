/** All that can be fuzzed without a peer that isn't ours. */
import type { Target } from "./target.ts";
import { conversation } from "./targets/conversation.ts";
import { decoderTarget } from "./targets/decoder.ts";
import { deflatedTarget } from "./targets/deflated.ts";
import { handshakeAnswer, handshakeRequest } from "./targets/handshake.ts";
import { extensionsField, retryAfterField } from "./targets/header-fields.ts";
import { negotiation } from "./targets/negotiation.ts";
import { uri } from "./targets/uri.ts";
import { options, sending } from "./targets/values.ts";

export const TARGETS: readonly Target[] = [
  decoderTarget("client"),
  decoderTarget("server"),
  deflatedTarget("client"),
  deflatedTarget("server"),
  handshakeAnswer,
  handshakeRequest,
  extensionsField,
  negotiation,
  conversation,
  retryAfterField,
  uri,
  options,
  sending,
];
