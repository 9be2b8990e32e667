const HEADER_BYTES = 44;
const BYTES = 3;
const FRAMES_AT_ONCE = 1 << 18;

/** Writes frames `start` to `end` of every channel; it may reuse its arrays. */
export type Source = (start: number, end: number) => Float32Array[];

export interface Wav {
  blob: Blob;
  /** Samples beyond full scale, which the file cannot hold. */
  clipped: number;
}

/** A 24-bit PCM WAV, made piece by piece so that the page stays responsive. */
export async function writeWav(
  source: Source,
  frames: number,
  channels: number,
  sampleRate: number,
): Promise<Wav> {
  const parts: BlobPart[] = [wavHeader(frames, channels, sampleRate)];
  let clipped = 0;
  for (let start = 0; start < frames; start += FRAMES_AT_ONCE) {
    const end = Math.min(frames, start + FRAMES_AT_ONCE);
    const piece = encode24(source(start, end), end - start);
    parts.push(piece.bytes);
    clipped += piece.clipped;
    await new Promise((resolve) => setTimeout(resolve));
  }
  if ((frames * channels) % 2) parts.push(new Uint8Array(1));
  return { blob: new Blob(parts, { type: "audio/wav" }), clipped };
}

export function wavHeader(frames: number, channels: number, sampleRate: number): Uint8Array<ArrayBuffer> {
  const size = frames * channels * BYTES;
  const view = new DataView(new ArrayBuffer(HEADER_BYTES));
  const text = (offset: number, value: string) =>
    [...value].forEach((letter, i) => view.setUint8(offset + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, HEADER_BYTES - 8 + size + (size % 2), true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * channels * BYTES, true);
  view.setUint16(32, channels * BYTES, true);
  view.setUint16(34, 8 * BYTES, true);
  text(36, "data");
  view.setUint32(40, size, true);
  return new Uint8Array(view.buffer);
}

/** Interleaved little-endian integers; 1 is full scale. */
export function encode24(
  channels: Float32Array[],
  frames: number,
): { bytes: Uint8Array<ArrayBuffer>; clipped: number } {
  const bytes = new Uint8Array(frames * channels.length * BYTES);
  const scale = 2 ** 23;
  let clipped = 0;
  let at = 0;
  for (let i = 0; i < frames; i++) {
    for (const channel of channels) {
      const value = Math.round(channel[i] * scale);
      const kept = Math.max(-scale, Math.min(scale - 1, value));
      if (Math.abs(channel[i]) > 1) clipped++;
      bytes[at++] = kept & 255;
      bytes[at++] = (kept >> 8) & 255;
      bytes[at++] = (kept >> 16) & 255;
    }
  }
  return { bytes, clipped };
}
