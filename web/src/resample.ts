/**
 * Band-limited resampling with a Kaiser-windowed sinc. It is here because browsers differ: some
 * interpolate linearly between the samples of a buffer of another rate. The pass band ends where
 * that of the command line's resampler does, at 0.913 of the lower rate's half.
 */
const PASS_BAND = 0.913;
const ATTENUATION_DB = 100;

/**
 * `n` samples become `ceil(n * to / from)`, without delay.
 *
 * @param pause called now and then with the share that is done; what it throws ends the work.
 */
export async function resample(
  input: Float32Array,
  from: number,
  to: number,
  pause: (share: number) => Promise<void> = async () => {},
): Promise<Float32Array> {
  if (from === to) return input;
  const divisor = greatestCommonDivisor(from, to);
  const [up, down] = [to / divisor, from / divisor];
  const { taps, phases } = design(up, down);
  const output = new Float32Array(Math.ceil((input.length * up) / down));
  const first = 1 - taps / 2;
  let index = 0;
  let phase = 0;
  for (let n = 0; n < output.length; n++) {
    const start = index + first;
    const low = Math.max(0, -start);
    const high = Math.min(taps, input.length - start);
    const base = phase * taps;
    let sum = 0;
    for (let k = low; k < high; k++) sum += phases[base + k] * input[start + k];
    output[n] = sum;
    phase += down;
    index += Math.floor(phase / up);
    phase %= up;
    if (n % 500_000 === 499_999) await pause(n / output.length);
  }
  return output;
}

function design(up: number, down: number): { taps: number; phases: Float32Array } {
  const scale = Math.min(1, up / down);
  const cutoff = (scale * (1 + PASS_BAND)) / 2;
  const transition = Math.PI * scale * (1 - PASS_BAND);
  const taps = 2 * Math.ceil((ATTENUATION_DB - 8) / (2.285 * transition) / 2);
  const beta = 0.1102 * (ATTENUATION_DB - 8.7);
  const half = taps / 2;
  const phases = new Float32Array(up * taps);
  for (let phase = 0; phase < up; phase++) {
    const row = phases.subarray(phase * taps, (phase + 1) * taps);
    let sum = 0;
    for (let k = 0; k < taps; k++) {
      const time = k + 1 - half - phase / up;
      const angle = Math.PI * cutoff * time;
      const sinc = angle === 0 ? 1 : Math.sin(angle) / angle;
      row[k] = sinc * bessel(beta * Math.sqrt(Math.max(0, 1 - (time / half) ** 2)));
      sum += row[k];
    }
    for (let k = 0; k < taps; k++) row[k] /= sum;
  }
  return { taps, phases };
}

/** Modified Bessel function of order zero. */
function bessel(x: number): number {
  let [sum, term] = [1, 1];
  for (let k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b ? greatestCommonDivisor(b, a % b) : a;
}
