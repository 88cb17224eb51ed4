/** The headers of frames on the wire, read off plainly: what an endpoint has sent, whatever its peer makes of it. */

export type FrameHeader = { readonly opcode: number; readonly masked: boolean; readonly mask: string };

/** The headers of the frames in these bytes. */
export function headersOf(bytes: Uint8Array): readonly FrameHeader[] {
  const run = Buffer.from(bytes);
  const headers: FrameHeader[] = [];
  for (let at = 0; at < run.length; ) {
    const [first, second] = [run.readUInt8(at), run.readUInt8(at + 1)];
    const short = second & 0x7f;
    const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
    const length =
      extended === 0 ? short : extended === 2 ? run.readUInt16BE(at + 2) : Number(run.readBigUInt64BE(at + 2));
    const masked = second >= 0x80;
    const maskAt = at + 2 + extended;
    headers.push({ opcode: first & 15, masked, mask: masked ? run.subarray(maskAt, maskAt + 4).toString("hex") : "" });
    at = maskAt + (masked ? 4 : 0) + length;
  }
  return headers;
}
