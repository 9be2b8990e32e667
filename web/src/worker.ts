import { dbToGain, measureLevel } from "./level";
import type { Enhanced, FromWorker, ToWorker } from "./messages";
import type { ModelCard } from "./model";
import { overlapAdd } from "./overlapAdd";
import { resample } from "./resample";
import { Network } from "./runtime";
import { drawSpectrogram } from "./spectrogram";

class Cancelled extends Error {}

let loaded: { card: ModelCard; network: Promise<Network> } | undefined;
let cancelled = false;

const send = (message: FromWorker, transfer: Transferable[] = []): void =>
  (self as unknown as { postMessage(m: FromWorker, t: Transferable[]): void }).postMessage(message, transfer);

self.onmessage = async ({ data }: MessageEvent<ToWorker>): Promise<void> => {
  try {
    if (data.type === "load") {
      const network = Network.load(data.page, data.card, data.isolated);
      loaded = { card: data.card, network };
      const { files } = await network;
      send({ type: "ready", files });
    } else if (data.type === "enhance") {
      cancelled = false;
      const result = await enhance(data.channels, data.sampleRate);
      send({ type: "done", result }, result.channels.map((channel) => channel.buffer));
    } else {
      cancelled = true;
    }
  } catch (error) {
    if (error instanceof Cancelled) send({ type: "cancelled" });
    else send({ type: "failed", message: error instanceof Error ? error.message : String(error) });
  }
};

/** Reports the progress of a part of the work, and lets cancel messages arrive. */
function stage(from: number, to: number): (share: number) => Promise<void> {
  return async (share) => {
    send({ type: "progress", share: from + share * (to - from) });
    await new Promise((resolve) => setTimeout(resolve));
    if (cancelled) throw new Cancelled();
  };
}

async function enhance(channels: Float32Array<ArrayBuffer>[], sampleRate: number): Promise<Enhanced> {
  if (!loaded) throw new Error("the model is not loaded");
  const network = await loaded.network;
  const { card } = loaded;
  const started = performance.now();
  const length = channels[0].length;
  const before = drawSpectrogram(channels, sampleRate);
  // Resampling takes about a tenth of the time where there is any.
  const margin = sampleRate === card.sample_rate ? 0 : 0.1;
  await stage(0, 0)(0);
  for (let c = 0; c < channels.length; c++) {
    const progress = stage((margin * c) / channels.length, (margin * (c + 1)) / channels.length);
    channels[c] = await resampled(channels[c], sampleRate, card.sample_rate, progress);
  }
  const levelDbfs = measureLevel(channels);
  const gain = levelDbfs === null ? 1 : dbToGain(card.level_dbfs - levelDbfs);
  const run = (windows: Float32Array[]) => network.run(windows);
  await overlapAdd(channels, card.window, card.hop, gain, run, stage(margin, 1 - margin));
  for (let c = 0; c < channels.length; c++) {
    const progress = stage(1 - margin + (margin * c) / channels.length, 1);
    channels[c] = (await resampled(channels[c], card.sample_rate, sampleRate, progress)).slice(0, length);
  }
  const after = drawSpectrogram(channels, sampleRate);
  return { channels, levelDbfs, before, after, seconds: (performance.now() - started) / 1000 };
}

async function resampled(
  channel: Float32Array,
  from: number,
  to: number,
  progress: (share: number) => Promise<void>,
): Promise<Float32Array<ArrayBuffer>> {
  return (await resample(channel, from, to, progress)) as Float32Array<ArrayBuffer>;
}
