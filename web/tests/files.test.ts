import { describe, expect, it } from "vitest";
import { BlindTest } from "../src/blind";
import { checkCard, type ModelCard } from "../src/model";
import { sampleRateOf } from "../src/sampleRate";
import { encode24, wavHeader, writeWav } from "../src/wav";

describe("writeWav", () => {
  it("writes 24-bit little-endian frames behind a header of 44 bytes", async () => {
    const left = Float32Array.of(0, 0.5, -1);
    const right = Float32Array.of(1, -0.5, 2);
    const source = (start: number, end: number) => [left.subarray(start, end), right.subarray(start, end)];
    const { blob, clipped } = await writeWav(source, 3, 2, 44100);
    const bytes = new Uint8Array(await blob.arrayBuffer());
    const view = new DataView(bytes.buffer);
    expect(bytes.length).toBe(44 + 18);
    expect(view.getUint32(4, true)).toBe(bytes.length - 8);
    expect(view.getUint32(24, true)).toBe(44100);
    expect(view.getUint16(34, true)).toBe(24);
    expect(view.getUint32(40, true)).toBe(18);
    const value = (at: number) => (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16)) << 8 >> 8;
    const frames = Array.from({ length: 6 }, (_, i) => value(44 + 3 * i));
    expect(frames).toEqual([0, 2 ** 23 - 1, 2 ** 22, -(2 ** 22), -(2 ** 23), 2 ** 23 - 1]);
    expect(clipped).toBe(1);
  });

  it("pads an odd number of bytes, as RIFF asks", async () => {
    const { blob } = await writeWav((a, b) => [new Float32Array(b - a)], 1, 1, 8000);
    expect(blob.size).toBe(44 + 4);
    expect(new DataView(wavHeader(1, 1, 8000).buffer).getUint32(40, true)).toBe(3);
  });

  it("rounds to the nearest step", () => {
    const { bytes } = encode24([Float32Array.of(1.6 / 2 ** 23)], 1);
    expect([...bytes]).toEqual([2, 0, 0]);
  });
});

describe("sampleRateOf", () => {
  const bytes = (...parts: (string | number[])[]) =>
    Uint8Array.from(parts.flatMap((part) => (typeof part === "string" ? [...part].map((c) => c.charCodeAt(0)) : part)));
  const zeros = (count: number) => new Array<number>(count).fill(0);
  const flac = bytes("fLaC", [0, 0, 0, 34], zeros(10), [0x0a, 0xc4, 0x42, 0xf0], zeros(20));

  it.each<[string, Uint8Array, number | undefined]>([
    ["WAV", wavHeader(10, 1, 22050), 22050],
    ["WAV with a chunk before the format", bytes("RIFF", zeros(4), "WAVE", "JUNK", [3, 0, 0, 0, 1, 1, 1, 0], "fmt ", [16, 0, 0, 0, 1, 0, 1, 0, 0x80, 0xbb, 0, 0, 0, 0]), 48000],
    ["FLAC", flac, 44100],
    ["FLAC behind an ID3 tag", bytes("ID3", [4, 0, 0, 0, 0, 0, 5], zeros(5), [...flac]), 44100],
    ["Ogg Vorbis", bytes("OggS", zeros(22), [1, 30, 1], "vorbis", zeros(4), [2, 0x22, 0x56, 0, 0]), 22050],
    ["Opus", bytes("OggS", zeros(22), [1, 19], "OpusHead", zeros(11)), 48000],
    ["MP3", bytes([0xff, 0xfb, 0x90, 0x64], zeros(8)), 44100],
    ["MP3 of MPEG 2", bytes([0xff, 0xf3, 0x84, 0x64], zeros(8)), 24000],
    ["AAC in ADTS", bytes([0xff, 0xf1, 0x50, 0x80], zeros(8)), 44100],
    ["text", bytes("This is not a recording, but some text that goes on for a while."), undefined],
    ["a WAV that ends early", bytes("RIFF", zeros(4), "WAVEfmt "), undefined],
    ["nothing", bytes(), undefined],
  ])("of %s", (_, content, rate) => {
    expect(sampleRateOf(content)).toBe(rate);
  });

  it("of M4A: that of the sound track", () => {
    const box = (name: string, ...content: (string | number[] | Uint8Array)[]) => {
      const body = bytes(...content.map((part) => (part instanceof Uint8Array ? [...part] : part)));
      return bytes([0, 0, (body.length + 8) >> 8, (body.length + 8) & 255], name, [...body]);
    };
    const track = (kind: string, rate: number[]) =>
      box("trak", box("mdia", box("mdhd", zeros(12), rate, zeros(8)), box("hdlr", zeros(8), kind, zeros(12))));
    const file = [
      box("ftyp", "M4A ", zeros(4)),
      box("moov", box("mvhd", zeros(20)), track("vide", [0, 0, 0x75, 0x30]), track("soun", [0, 0, 0xbb, 0x80])),
    ];
    expect(sampleRateOf(bytes(...file.map((part) => [...part])))).toBe(48000);
  });
});

describe("checkCard", () => {
  const card = { sample_rate: 44100, window: 1024, hop: 512, level_dbfs: -20 } as ModelCard;

  it("takes any sizes that fit together", () => {
    expect(checkCard(card)).toBe(card);
    expect(checkCard({ ...card, sample_rate: 16000, window: 262144, hop: 131072 }).hop).toBe(131072);
    expect(checkCard({ ...card, hop: 896 }).hop).toBe(896);
  });

  it.each([
    [{ hop: 256 }, "hop is 256; expected half of the window, 1024, or more"],
    [{ hop: 1024 }, "hop is 1024; expected half of the window, 1024, or more"],
    [{ sample_rate: 0 }, "sample_rate is 0"],
    [{ window: 10.5 }, "window is 10.5"],
    [{ level_dbfs: Number.NaN }, "level_dbfs is NaN"],
  ])("refuses %o", (change, message) => {
    expect(() => checkCard({ ...card, ...change })).toThrow(message);
  });
});

describe("BlindTest", () => {
  it("counts right answers and changes places", () => {
    const draws = [0.1, 0.9, 0.9];
    const test = new BlindTest(() => draws.shift()!);
    expect(test.sideOf(1)).toBe("original");
    expect(test.answer(2)).toBe(true);
    expect(test.sideOf(1)).toBe("enhanced");
    expect(test.answer(2)).toBe(false);
    expect([test.right, test.answers]).toEqual([1, 2]);
  });
});
