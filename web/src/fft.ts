/** Discrete Fourier transform of a power-of-two length, in place. */
export class Fft {
  private readonly cosine: Float64Array;
  private readonly sine: Float64Array;

  constructor(readonly size: number) {
    const angle = (k: number) => (2 * Math.PI * k) / size;
    this.cosine = Float64Array.from({ length: size / 2 }, (_, k) => Math.cos(angle(k)));
    this.sine = Float64Array.from({ length: size / 2 }, (_, k) => -Math.sin(angle(k)));
  }

  transform(real: Float64Array, imaginary: Float64Array): void {
    const { size, cosine, sine } = this;
    for (let i = 1, j = 0; i < size; i++) {
      let bit = size >> 1;
      for (; j & bit; bit >>= 1) j ^= bit;
      j |= bit;
      if (i < j) {
        [real[i], real[j]] = [real[j], real[i]];
        [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]];
      }
    }
    for (let span = 1; span < size; span *= 2) {
      const step = size / (2 * span);
      for (let start = 0; start < size; start += 2 * span) {
        for (let k = 0; k < span; k++) {
          const [a, b] = [start + k, start + k + span];
          const [c, s] = [cosine[k * step], sine[k * step]];
          const x = real[b] * c - imaginary[b] * s;
          const y = real[b] * s + imaginary[b] * c;
          real[b] = real[a] - x;
          imaginary[b] = imaginary[a] - y;
          real[a] += x;
          imaginary[a] += y;
        }
      }
    }
  }
}
