import type { Enhanced, FromWorker, ToWorker } from "./messages";
import type { ModelCard } from "./model";

/** The worker that runs the network, on one recording at a time. */
export class Enhancer {
  /** Runtime files that this browser uses. */
  files: string[] = [];
  private readonly worker = new Worker(new URL("./worker.ts", import.meta.url));
  private settle?: { resolve: (message: FromWorker) => void; reject: (error: Error) => void };
  private onProgress: (share: number) => void = () => {};

  private constructor() {
    const fail = (message: string) => this.settle?.reject(new Error(message));
    this.worker.onerror = (event) => fail(event.message || "the worker can’t be loaded");
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.type === "progress") this.onProgress(data.share);
      else if (data.type === "failed") fail(data.message);
      else this.settle?.resolve(data);
    };
  }

  /** Loads the network; falls back to one thread if several threads fail. */
  static async open(card: ModelCard): Promise<Enhancer> {
    const page = new URL("./", location.href).href;
    const load = async (isolated: boolean): Promise<Enhancer> => {
      const enhancer = new Enhancer();
      try {
        const ready = await enhancer.ask({ type: "load", page, card, isolated });
        if (ready.type === "ready") enhancer.files = ready.files;
        return enhancer;
      } catch (error) {
        enhancer.worker.terminate();
        if (!isolated) throw error;
        return load(false);
      }
    };
    return load(self.crossOriginIsolated);
  }

  /** Returns the enhanced recording, or `null` if it was canceled. */
  async enhance(audio: AudioBuffer, onProgress: (share: number) => void): Promise<Enhanced | null> {
    this.onProgress = onProgress;
    const channels = Array.from({ length: audio.numberOfChannels }, (_, c) => {
      const copy = new Float32Array(audio.length);
      audio.copyFromChannel(copy, c);
      return copy;
    });
    const { sampleRate } = audio;
    const buffers = channels.map((channel) => channel.buffer);
    const answer = await this.ask({ type: "enhance", channels, sampleRate }, buffers);
    return answer.type === "done" ? answer.result : null;
  }

  cancel(): void {
    const message: ToWorker = { type: "cancel" };
    this.worker.postMessage(message);
  }

  private ask(message: ToWorker, transfer: Transferable[] = []): Promise<FromWorker> {
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
      this.worker.postMessage(message, transfer);
    });
  }
}
