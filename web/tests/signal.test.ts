import { describe, expect, it } from "vitest";
import { Fft } from "../src/fft";
import { matchingGains, measureLevel, measurePowers } from "../src/level";
import { overlapAdd, periodicHann, type Run } from "../src/overlapAdd";
import { resample } from "../src/resample";

const noise = (length: number, seed = 1): Float32Array => {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647 - 0.5;
  });
};

const sine = (length: number, hertz: number, rate: number): Float32Array =>
  Float32Array.from({ length }, (_, n) => Math.sin((2 * Math.PI * hertz * n) / rate));

const largest = (a: ArrayLike<number>, b: ArrayLike<number>, from = 0, to = a.length): number => {
  let most = 0;
  for (let i = from; i < to; i++) most = Math.max(most, Math.abs(a[i] - b[i]));
  return most;
};

describe("overlapAdd", () => {
  const same: Run = async (windows) => windows.map((window) => window.slice());

  it.each([1, 7, 8, 9, 15, 16, 17, 100])("gives %i samples back to the last bit through the identity", async (length) => {
    for (const hop of [8, 11, 14, 15]) {
      const [left, right] = [noise(length, 1), noise(length, 2)];
      const channels = [left.slice(), right.slice()];
      await overlapAdd(channels, 16, hop, 4, same);
      expect(channels[0]).toEqual(left);
      expect(channels[1]).toEqual(right);
    }
  });

  it("fades windows into one another over their overlap", async () => {
    const channel = new Float32Array(40);
    let runs = 0;
    const run: Run = async ([window]) => [new Float32Array(window.length).fill(runs++)];
    await overlapAdd([channel], 16, 12, 1, run);
    // The windows start at 0, 12 and 24.
    expect([...channel.subarray(0, 12)]).toEqual(new Array(12).fill(0));
    const rise = [0, 1, 2, 3].map((n) => 0.5 - 0.5 * Math.cos((Math.PI * n) / 4));
    expect(largest(channel.subarray(12, 16), rise)).toBeLessThan(1e-6);
    expect([...channel.subarray(16, 24)]).toEqual(new Array(8).fill(1));
    expect(largest(channel.subarray(24, 28), rise.map((share) => 1 + share))).toBeLessThan(1e-6);
    expect([...channel.subarray(28, 40)]).toEqual(new Array(12).fill(2));
  });

  it("runs the last window on the end of the signal", async () => {
    const signal = noise(30);
    const seen: number[][] = [];
    const run: Run = async ([window]) => (seen.push([...window]), [window.map((value) => 3 * value)]);
    const channel = signal.slice();
    await overlapAdd([channel], 16, 12, 2, run);
    const twice = [...signal].map((value) => 2 * value);
    expect(seen).toEqual([twice.slice(0, 16), twice.slice(12, 28), twice.slice(14, 30)]);
    expect(largest(channel, twice.map((value) => 1.5 * value))).toBeLessThan(1e-6);
  });

  it("brings the input to the level and takes the gain back", async () => {
    const seen: number[] = [];
    const channel = new Float32Array(32).fill(0.25);
    await overlapAdd([channel], 8, 4, 2, async ([window]) => {
      seen.push(...window);
      return [window.map(() => 1)];
    });
    expect(Math.max(...seen)).toBeCloseTo(0.5);
    expect(largest(channel, new Float32Array(32).fill(0.5))).toBeLessThan(1e-6);
  });

  it("ends where the pause throws", async () => {
    let runs = 0;
    const run: Run = async (windows) => (runs++, windows);
    const work = overlapAdd([noise(100)], 8, 4, 1, run, async (share) => {
      if (share > 0.2) throw new Error("enough");
    });
    await expect(work).rejects.toThrow("enough");
    expect(runs).toBeLessThan(8);
  });

  it("fades with a window whose halves add up to one", () => {
    const fade = periodicHann(10);
    for (let n = 0; n < 5; n++) expect(fade[n] + fade[n + 5]).toBeCloseTo(1);
  });
});

describe("resample", () => {
  it.each([
    [44100, 16000, 5000],
    [16000, 44100, 5000],
    [48000, 44100, 15000],
    [44100, 48000, 15000],
    [22050, 44100, 8000],
  ])("keeps a tone from %i to %i Hz without delay", async (from, to, hertz) => {
    const input = sine(from / 2, hertz, from);
    const output = await resample(input, from, to);
    expect(output.length).toBe(Math.ceil((input.length * to) / from));
    const expected = sine(output.length, hertz, to);
    expect(largest(output, expected, 2000, output.length - 2000)).toBeLessThan(1e-4);
  });

  it("takes away what the lower rate can't hold", async () => {
    const output = await resample(sine(22050, 9000, 44100), 44100, 16000);
    expect(largest(output, new Float32Array(output.length), 500, output.length - 500)).toBeLessThan(1e-4);
  });

  it("gives the very array back where the rate is the same", async () => {
    const input = noise(10);
    expect(await resample(input, 8000, 8000)).toBe(input);
  });
});

describe("level", () => {
  it("of a full sine is -3.01 dBFS, however much silence is around it", () => {
    const tone = sine(10240, 1000, 44100);
    expect(measureLevel([tone])).toBeCloseTo(-3.01, 1);
    const padded = new Float32Array(102400);
    padded.set(tone, 20480);
    expect(measureLevel([padded])).toBeCloseTo(measureLevel([tone])!, 6);
    expect(measureLevel([tone, tone])).toBeCloseTo(measureLevel([tone])!, 6);
  });

  it("of a recording below the gate is that of all its blocks", () => {
    const quiet = sine(10240, 1000, 44100).map((sample) => sample * 1e-4);
    expect(measureLevel([quiet])).toBeCloseTo(-83.01, 1);
  });

  it("of silence is none", () => {
    expect(measureLevel([new Float32Array(5000)])).toBeNull();
  });

  it.each([0, 0.3, 1])("makes both sides equally loud at amount %f", (amount) => {
    const [dry, other] = [noise(4096, 3), noise(4096, 5)];
    const wet = dry.map((value, i) => 2 * value + 0.3 * other[i]);
    const gains = matchingGains(measurePowers([dry], [wet]), amount);
    const power = (signal: Float32Array) => signal.reduce((sum, value) => sum + value * value, 0);
    const mixture = dry.map((value, i) => gains.mixture * ((1 - amount) * value + amount * wet[i]));
    const ratio = power(mixture) / power(dry.map((value) => gains.original * value));
    expect(ratio).toBeCloseTo(1, 4);
    expect(Math.max(gains.original, gains.mixture)).toBe(1);
  });
});

describe("Fft", () => {
  it("agrees with the sum that defines it", () => {
    const size = 16;
    const [real, imaginary] = [Float64Array.from(noise(size, 1)), Float64Array.from(noise(size, 2))];
    const expected = Array.from({ length: size }, (_, k) => {
      let [re, im] = [0, 0];
      for (let n = 0; n < size; n++) {
        const angle = (-2 * Math.PI * k * n) / size;
        re += real[n] * Math.cos(angle) - imaginary[n] * Math.sin(angle);
        im += real[n] * Math.sin(angle) + imaginary[n] * Math.cos(angle);
      }
      return [re, im];
    });
    new Fft(size).transform(real, imaginary);
    expect(largest(real, expected.map(([re]) => re))).toBeLessThan(1e-12);
    expect(largest(imaginary, expected.map(([, im]) => im))).toBeLessThan(1e-12);
  });
});
