/** Every requirement that is kept account of, RFC by RFC, in the order of the sections. docs/conformance.md is written from this. */
import type { Section } from "./requirement.ts";
import { CLOSING, SECURITY } from "./rfc6455-closing.ts";
import { CONTROL_FRAMES, FRAMES, MESSAGES } from "./rfc6455-framing.ts";
import { ADDRESSES, EXTENSIONS, HEADER_FIELDS, OPENING } from "./rfc6455-handshake.ts";
import { FRAMING, NEGOTIATION, PERMESSAGE_DEFLATE } from "./rfc7692.ts";

export type Rfc = { readonly number: number; readonly title: string; readonly sections: readonly Section[] };

const BY_NUMBER = (one: Section, other: Section) => one.section.localeCompare(other.section, "en", { numeric: true });

export const RFCS: readonly Rfc[] = [
  {
    number: 6455,
    title: "The WebSocket Protocol",
    sections: [
      ...ADDRESSES,
      ...OPENING,
      ...FRAMES,
      ...CONTROL_FRAMES,
      ...MESSAGES,
      ...CLOSING,
      ...EXTENSIONS,
      ...SECURITY,
      ...HEADER_FIELDS,
    ].sort(BY_NUMBER),
  },
  {
    number: 7692,
    title: "Compression Extensions for WebSocket",
    sections: [...NEGOTIATION, ...FRAMING, ...PERMESSAGE_DEFLATE],
  },
];
