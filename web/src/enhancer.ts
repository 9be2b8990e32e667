import type { Enhanced, FromWorker, ToWorker } from "./messages";
import type { ModelCard } from "./model";

export interface Ready {
  files: string[];
  threads: number;
}

/** The worker that holds the network, one recording at a time. */
export class Enhancer {
  readonly ready: Promise<Ready>;
  private readonly worker: Worker;
  private settle?: { resolve: (result: Enhanced | null) => void; reject: (error: Error) => void };
  private onProgress: (share: number) => void = () => {};

  constructor(card: ModelCard) {
    this.worker = new Worker(new URL("./worker.ts", import.meta.url));
    this.ready = new Promise((resolve, reject) => {
      const fail = (message: string) => {
        reject(new Error(message));
        this.settle?.reject(new Error(message));
        this.settle = undefined;
      };
      this.worker.onerror = (event) => fail(event.message || "the worker can’t be loaded");
      this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
        if (data.type === "ready") resolve(data);
        else if (data.type === "progress") this.onProgress(data.share);
        else if (data.type === "failed") fail(data.message);
        else {
          this.settle?.resolve(data.type === "done" ? data.result : null);
          this.settle = undefined;
        }
      };
    });
    const page = new URL("./", location.href).href;
    this.send({ type: "load", page, card, isolated: self.crossOriginIsolated });
  }

  /** `null` where it was cancelled. */
  enhance(audio: AudioBuffer, onProgress: (share: number) => void): Promise<Enhanced | null> {
    this.onProgress = onProgress;
    const channels = Array.from({ length: audio.numberOfChannels }, (_, c) => {
      const copy = new Float32Array(audio.length);
      audio.copyFromChannel(copy, c);
      return copy;
    });
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
      const message: ToWorker = { type: "enhance", channels, sampleRate: audio.sampleRate };
      this.send(message, channels.map((channel) => channel.buffer));
    });
  }

  cancel(): void {
    this.send({ type: "cancel" });
  }

  private send(message: ToWorker, transfer: Transferable[] = []): void {
    this.worker.postMessage(message, transfer);
  }
}
