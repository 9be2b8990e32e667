import type { ModelCard } from "./model";
import type { Picture } from "./spectrogram";

export type ToWorker =
  | { type: "load"; page: string; card: ModelCard; isolated: boolean }
  | { type: "enhance"; channels: Float32Array<ArrayBuffer>[]; sampleRate: number }
  | { type: "cancel" };

export interface Enhanced {
  /** Same length and sample rate as the recording. */
  channels: Float32Array<ArrayBuffer>[];
  /** Level of the recording; `null` for silence. */
  levelDbfs: number | null;
  before: Picture;
  after: Picture;
  /** Processing time. */
  seconds: number;
}

export type FromWorker =
  | { type: "ready"; files: string[] }
  | { type: "progress"; share: number }
  | { type: "done"; result: Enhanced }
  | { type: "cancelled" }
  | { type: "failed"; message: string };
