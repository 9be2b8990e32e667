/** Maps a window of every channel to windows of the same length. */
export type Run = (windows: Float32Array[]) => Promise<Float32Array[]>;

/** `0.5 - 0.5 cos(2 pi n / window)`: at half a window's distance, copies add up to one. */
export function periodicHann(window: number): Float32Array {
  return Float32Array.from({ length: window }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / window));
}

/**
 * Runs a network over whole channels, in place, as `tfaudiogan/inference/streaming.py` does: windows
 * overlap, what the network changes is faded into one another and added to the signal, and the first
 * window starts one overlap before the signal.
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
  const fade = periodicHann(2 * overlap);
  const tails = channels.map(() => new Float32Array(overlap));
  const windows = channels.map(() => new Float32Array(window));
  const count = Math.ceil((length + overlap) / hop);
  for (let index = 0; index < count; index++) {
    const start = index * hop - overlap;
    const from = Math.max(0, start);
    channels.forEach((channel, c) => {
      windows[c].fill(0);
      windows[c].set(channel.subarray(from, Math.min(length, start + window)), from - start);
      for (let i = 0; i < window; i++) windows[c][i] *= gain;
    });
    const outputs = await run(windows);
    // Nothing before the next window's start is read again, so the output takes its place.
    outputs.forEach((output, c) => {
      const [channel, input, tail] = [channels[c], windows[c], tails[c]];
      const end = Math.min(length, start + hop);
      for (let i = from; i < end; i++) {
        const n = i - start;
        const change = output[n] - input[n];
        channel[i] += (n < overlap ? change * fade[n] + tail[n] : change) / gain;
      }
      for (let i = 0; i < overlap; i++) {
        tail[i] = (output[hop + i] - input[hop + i]) * fade[overlap + i];
      }
    });
    await pause((index + 1) / count);
  }
}
