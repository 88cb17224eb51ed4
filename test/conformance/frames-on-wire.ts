/** Frames on the wire, read off plainly: what an endpoint has sent, whatever its peer makes of it. */

export type FrameOnWire = {
  readonly fin: boolean;
  /** RSV1 to RSV3 as a number, RSV1 being 4. */
  readonly rsv: number;
  readonly opcode: number;
  readonly masked: boolean;
  /** In hex; empty without one. */
  readonly mask: string;
  /** With the mask taken off. */
  readonly payload: Buffer;
};

/** The frames in these bytes, which end with one. */
export function framesIn(bytes: Uint8Array): readonly FrameOnWire[] {
  const run = Buffer.from(bytes);
  const frames: FrameOnWire[] = [];
  for (let at = 0; at < run.length; ) {
    const [first, second] = [run.readUInt8(at), run.readUInt8(at + 1)];
    const short = second & 0x7f;
    const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
    const length =
      extended === 0 ? short : extended === 2 ? run.readUInt16BE(at + 2) : Number(run.readBigUInt64BE(at + 2));
    const masked = second >= 0x80;
    const maskAt = at + 2 + extended;
    const start = maskAt + (masked ? 4 : 0);
    const mask = run.subarray(maskAt, start);
    const payload = Buffer.from(run.subarray(start, start + length));
    if (masked)
      for (let index = 0; index < length; index++)
        payload[index] = (payload[index] as number) ^ (mask[index % 4] as number);
    frames.push({
      fin: first >= 0x80,
      rsv: (first >> 4) & 7,
      opcode: first & 15,
      masked,
      mask: mask.toString("hex"),
      payload,
    });
    at = start + length;
  }
  return frames;
}
