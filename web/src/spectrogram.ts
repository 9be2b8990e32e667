import { Fft } from "./fft";
import { periodicHann } from "./overlapAdd";

const SIZE = 2048;
const MOST_FRAMES_PER_COLUMN = 4;
export const LOWEST_HZ = 40;

/** Power in decibels, `rows` of each of `columns`; the first row is the lowest frequency. */
export interface Picture {
  columns: number;
  rows: number;
  sampleRate: number;
  decibels: Float32Array;
}

/** Row of a frequency; rows are evenly spaced on a logarithmic axis. */
export function rowOf(hertz: number, rows: number, sampleRate: number): number {
  return (rows * Math.log(hertz / LOWEST_HZ)) / Math.log(sampleRate / 2 / LOWEST_HZ);
}

export function drawSpectrogram(
  channels: Float32Array[],
  sampleRate: number,
  columns = 900,
  rows = 220,
): Picture {
  const fft = new Fft(SIZE);
  const window = periodicHann(SIZE);
  const length = channels[0].length;
  const frames = Math.max(1, Math.min(MOST_FRAMES_PER_COLUMN, Math.round((2 * length) / columns / SIZE)));
  const real = new Float64Array(SIZE);
  const imaginary = new Float64Array(SIZE);
  const power = new Float64Array(SIZE / 2 + 1);
  const decibels = new Float32Array(columns * rows);
  const edges = Array.from({ length: rows + 1 }, (_, row) => {
    const hertz = LOWEST_HZ * (sampleRate / 2 / LOWEST_HZ) ** (row / rows);
    return (hertz * SIZE) / sampleRate;
  });
  for (let column = 0; column < columns; column++) {
    power.fill(0);
    for (let frame = 0; frame < frames; frame++) {
      const centre = ((column + (frame + 0.5) / frames) / columns) * length;
      const start = Math.round(centre) - SIZE / 2;
      // Two real channels make one complex signal; the powers of its bins k and -k are theirs.
      for (let first = 0; first < channels.length; first += 2) {
        const [a, b] = [channels[first], channels[first + 1]];
        for (let i = 0; i < SIZE; i++) {
          const at = start + i;
          const inside = at >= 0 && at < length;
          real[i] = inside ? a[at] * window[i] : 0;
          imaginary[i] = inside && b ? b[at] * window[i] : 0;
        }
        fft.transform(real, imaginary);
        for (let k = 0; k <= SIZE / 2; k++) {
          const m = (SIZE - k) % SIZE;
          power[k] += (real[k] ** 2 + imaginary[k] ** 2 + real[m] ** 2 + imaginary[m] ** 2) / 2;
        }
      }
    }
    for (let row = 0; row < rows; row++) {
      const low = edges[row];
      const high = edges[row + 1];
      let value = 0;
      if (high - low < 1) {
        const middle = (low + high) / 2;
        const k = Math.min(Math.floor(middle), SIZE / 2 - 1);
        value = power[k] + (middle - k) * (power[k + 1] - power[k]);
      } else {
        for (let k = Math.ceil(low); k < high; k++) value = Math.max(value, power[k]);
      }
      const mean = value / (frames * channels.length);
      decibels[column * rows + row] = 10 * Math.log10(mean / (SIZE / 4) ** 2 + 1e-14);
    }
  }
  return { columns, rows, sampleRate, decibels };
}
