/**
 * The sample rate that a recording says it has, in hertz; `undefined` where its header is not one
 * of those known. Browsers resample what they decode to a rate that one has to give beforehand.
 */
export function sampleRateOf(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const rate = wav(view) ?? flac(view) ?? ogg(view) ?? mp4(view) ?? webm(view) ?? mpeg(view);
    return rate && rate >= 1000 ? rate : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined; // a header that ends early
    throw error;
  }
}

function tag(view: DataView, at: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i)));
}

function wav(view: DataView): number | undefined {
  if (!["RIFF", "RF64"].includes(tag(view, 0)) || tag(view, 8) !== "WAVE") return undefined;
  for (let at = 12; at + 16 <= view.byteLength; ) {
    if (tag(view, at) === "fmt ") return view.getUint32(at + 12, true);
    const size = view.getUint32(at + 4, true);
    at += 8 + size + (size % 2);
  }
  return undefined;
}

function flac(view: DataView): number | undefined {
  const at = afterId3(view);
  if (tag(view, at) !== "fLaC") return undefined;
  return view.getUint32(at + 18) >>> 12;
}

function ogg(view: DataView): number | undefined {
  if (tag(view, 0) !== "OggS") return undefined;
  const packet = 27 + view.getUint8(26);
  if (tag(view, packet) === "Opus") return 48_000;
  if (tag(view, packet + 1) === "vorb") return view.getUint32(packet + 12, true);
  if (tag(view, packet + 1) === "FLAC") return view.getUint32(packet + 27) >>> 12;
  return undefined;
}

function mp4(view: DataView): number | undefined {
  if (tag(view, 4) !== "ftyp") return undefined;
  const containers = new Set(["moov", "trak", "mdia"]);
  const search = (from: number, to: number): number | undefined => {
    let rate: number | undefined;
    for (let at = from; at + 8 <= to && rate === undefined; ) {
      let size = view.getUint32(at);
      const name = tag(view, at + 4);
      let head = 8;
      if (size === 1) {
        size = Number(view.getBigUint64(at + 8));
        head = 16;
      }
      if (size === 0) size = to - at;
      if (size < head) return undefined;
      if (containers.has(name)) rate = search(at + head, Math.min(to, at + size));
      // A sound track's media header counts in samples.
      else if (name === "mdhd") rate = view.getUint32(at + head + (view.getUint8(at + head) ? 20 : 12));
      else if (name === "hdlr" && tag(view, at + head + 8) !== "soun") return undefined;
      at += size;
      if (rate !== undefined && name === "mdhd") {
        // The handler follows and says whether this track is sound.
        for (let next = at; next + 8 <= to; next += Math.max(8, view.getUint32(next))) {
          if (tag(view, next + 4) !== "hdlr") continue;
          if (tag(view, next + 16) !== "soun") rate = undefined;
          break;
        }
      }
    }
    return rate;
  };
  return search(0, view.byteLength);
}

function webm(view: DataView): number | undefined {
  if (view.getUint32(0) !== 0x1a45dfa3) return undefined;
  // SamplingFrequency, a float of four or eight bytes.
  const end = Math.min(view.byteLength - 11, 1 << 16);
  for (let at = 4; at < end; at++) {
    if (view.getUint8(at) !== 0xb5) continue;
    const size = view.getUint8(at + 1) & 0x7f;
    const rate = size === 4 ? view.getFloat32(at + 2) : size === 8 ? view.getFloat64(at + 2) : 0;
    if (Number.isInteger(rate) && rate >= 8000 && rate <= 192_000) return rate;
  }
  return 48_000;
}

function afterId3(view: DataView): number {
  if (tag(view, 0).slice(0, 3) !== "ID3") return 0;
  const size = [6, 7, 8, 9].reduce((sum, i) => sum * 128 + (view.getUint8(i) & 127), 0);
  return 10 + size;
}

function mpeg(view: DataView): number | undefined {
  const start = afterId3(view);
  const end = Math.min(view.byteLength - 4, start + (1 << 16));
  for (let at = start; at < end; at++) {
    const word = view.getUint32(at);
    if (word >>> 21 !== 0x7ff) continue;
    const version = (word >>> 19) & 3;
    const layer = (word >>> 17) & 3;
    if (layer === 0 && ((word >>> 20) & 1) === 1) {
      const rates = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000];
      return rates[(word >>> 10) & 15]; // AAC in ADTS frames
    }
    const index = (word >>> 10) & 3;
    if (version === 1 || layer === 0 || index === 3 || ((word >>> 12) & 15) === 15) continue;
    const divisor = version === 3 ? 1 : version === 2 ? 2 : 4;
    return [44100, 48000, 32000][index] / divisor;
  }
  return undefined;
}
