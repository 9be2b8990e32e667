/** The gain convention of `tfaudiogan/audio/levels.py`. */
export const BLOCK = 1024;
export const GATE_DBFS = -60;

export const dbToGain = (db: number): number => 10 ** (db / 20);

/** Below the smallest step of 24 bits. */
export const SILENCE_DBFS = -140;

/**
 * Level in dBFS: the root mean square of the sounding blocks over all channels together, or of all
 * blocks where none is above the gate. `null` for silence.
 */
export function measureLevel(channels: Float32Array[]): number | null {
  const length = channels[0].length;
  const gate = dbToGain(GATE_DBFS) ** 2;
  let total = 0;
  let samples = 0;
  let energy = 0;
  for (let start = 0; start < length; start += BLOCK) {
    const end = Math.min(start + BLOCK, length);
    let sum = 0;
    for (const channel of channels) for (let i = start; i < end; i++) sum += channel[i] ** 2;
    const power = sum / ((end - start) * channels.length);
    energy += power * (end - start);
    if (power > gate) {
      total += power * (end - start);
      samples += end - start;
    }
  }
  if (samples) return 10 * Math.log10(total / samples);
  const power = energy / length;
  return power > dbToGain(SILENCE_DBFS) ** 2 ? 10 * Math.log10(power) : null;
}

/** Power of two signals and their cross power, over the parts where the first one sounds. */
export interface Powers {
  dry: number;
  wet: number;
  common: number;
}

export function measurePowers(dry: Float32Array[], wet: Float32Array[]): Powers {
  const gate = dbToGain(GATE_DBFS) ** 2;
  const powers = { dry: 0, wet: 0, common: 0 };
  dry.forEach((a, c) => {
    const b = wet[c];
    for (let start = 0; start < a.length; start += BLOCK) {
      const end = Math.min(start + BLOCK, a.length);
      let aa = 0;
      let bb = 0;
      let ab = 0;
      for (let i = start; i < end; i++) {
        aa += a[i] * a[i];
        bb += b[i] * b[i];
        ab += a[i] * b[i];
      }
      if (aa / (end - start) > gate) {
        powers.dry += aa;
        powers.wet += bb;
        powers.common += ab;
      }
    }
  });
  return powers;
}

/**
 * Gains that make the original and the mixture of `amount` equally loud: the louder one is made
 * softer, so that neither clips.
 */
export function matchingGains(powers: Powers, amount: number): { original: number; mixture: number } {
  const rest = 1 - amount;
  const mixture =
    rest * rest * powers.dry + amount * amount * powers.wet + 2 * amount * rest * powers.common;
  if (!(powers.dry > 0) || !(mixture > 0)) return { original: 1, mixture: 1 };
  const ratio = Math.sqrt(mixture / powers.dry);
  return { original: Math.min(1, ratio), mixture: Math.min(1, 1 / ratio) };
}
