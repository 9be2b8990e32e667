import { sampleRateOf } from "./sampleRate";

const MOST_BYTES = 2 ** 30;
const MOST_SAMPLES = 2 ** 28;
const DEFAULT_RATE = 48_000;

/** An error that the visitor can act on. */
export class Complaint extends Error {}

/** Decodes a recording at its own sample rate, with all channels. */
export async function decode(file: File): Promise<AudioBuffer> {
  const name = `“${file.name}”`;
  if (!file.size) throw new Complaint(`${name} is empty.`);
  if (file.size > MOST_BYTES) {
    const size = (file.size / 2 ** 30).toFixed(1);
    throw new Complaint(
      `${name} has ${size} GB, more than a browser tab can hold. Cut it into parts, or use the ` +
        "command `tfaudiogan enhance`, which has no limit.",
    );
  }
  let bytes: ArrayBuffer;
  try {
    bytes = await file.arrayBuffer();
  } catch {
    throw new Complaint(`${name} can’t be read. Folders and files of a locked disk can’t be opened here.`);
  }
  const rate = sampleRateOf(new Uint8Array(bytes)) ?? DEFAULT_RATE;
  let audio: AudioBuffer;
  try {
    audio = await contextOf(rate).decodeAudioData(bytes);
  } catch {
    throw new Complaint(
      `${name} can’t be decoded: this browser finds no sound in it that it knows. WAV, FLAC, MP3, ` +
        "Ogg, Opus and M4A usually work; convert it to one of them and try again.",
    );
  }
  if (!audio.length) throw new Complaint(`${name} holds no sound: it is zero samples long.`);
  if (audio.length * audio.numberOfChannels > MOST_SAMPLES) {
    const minutes = Math.round(audio.duration / 60);
    throw new Complaint(
      `${name} lasts ${minutes} minutes, more than a browser tab can hold. Cut it into parts, or ` +
        "use the command `tfaudiogan enhance`, which has no limit.",
    );
  }
  return audio;
}

/** Returns a context of this rate, or of the default rate if the browser refuses it. */
function contextOf(rate: number): OfflineAudioContext {
  try {
    return new OfflineAudioContext(1, 1, rate);
  } catch {
    return new OfflineAudioContext(1, 1, DEFAULT_RATE);
  }
}
