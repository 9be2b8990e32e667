/** Maps a window of every channel to windows of the same length. */
export type Run = (windows: Float32Array[]) => Promise<Float32Array[]>;

/** `0.5 - 0.5 cos(2 pi n / window)`: at half a window's distance, copies add up to one. */
export function periodicHann(window: number): Float32Array {
  return Float32Array.from({ length: window }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / window));
}

/**
 * Runs a network over whole channels, in place, as `tfaudiogan/inference/streaming.py` does: windows
 * overlap, and what the network changes is faded into one another and added to the signal. The last
 * window ends with the signal.
 *
 * @param hop samples from the start of a window to that of the next, half of the window or more.
 * @param gain applied to the input and undone on the output.
 * @param pause called after each window with the share that is done; what it throws ends the work.
 */
export async function overlapAdd(
  channels: Float32Array[],
  window: number,
  hop: number,
  gain: number,
  run: Run,
  pause: (share: number) => Promise<void> = async () => {},
): Promise<void> {
  const overlap = window - hop;
  const length = channels[0].length;
  const last = Math.max(0, length - window);
  const fade = periodicHann(2 * overlap);
  const tails = channels.map(() => new Float32Array(overlap));
  const windows = channels.map(() => new Float32Array(window));
  const count = length ? Math.ceil(last / hop) + 1 : 0;
  for (let index = 0; index < count; index++) {
    const place = index * hop;
    const start = Math.min(place, last);
    const moved = index ? start - (place - hop) : window;
    channels.forEach((channel, c) => {
      // The samples of the window before are already replaced in the channel.
      const input = windows[c];
      input.copyWithin(0, moved);
      const next = channel.subarray(start + window - moved, Math.min(length, start + window));
      input.set(next, window - moved);
      for (let i = window - moved; i < window; i++) input[i] *= gain;
    });
    const outputs = await run(windows);
    const end = index === count - 1 ? length : place + hop;
    outputs.forEach((output, c) => {
      const [channel, input, tail] = [channels[c], windows[c], tails[c]];
      for (let i = place; i < end; i++) {
        const [n, faded] = [i - start, i - place];
        let change = output[n] - input[n];
        if (index && faded < overlap) {
          change = change * fade[faded] + tail[faded] * fade[overlap + faded];
        }
        channel[i] += change / gain;
      }
      for (let i = 0; i < overlap; i++) tail[i] = output[hop + i] - input[hop + i];
    });
    await pause((index + 1) / count);
  }
}
