import { loadAndCompile, loadLiteRt, supportsFeature, Tensor, type CompiledModel } from "@litertjs/core";
import type { ModelCard } from "./model";

const MOST_THREADS = 4;

/** The network in LiteRT's WebAssembly. */
export class Network {
  private readonly shape: number[];
  /** Channels that one run takes: more than one where the network links them. */
  private readonly together: number;
  private readonly buffer: Float32Array;

  private constructor(
    private readonly compiled: CompiledModel,
    private readonly window: number,
    /** Runtime files that this browser uses. */
    readonly files: string[],
  ) {
    const [input] = compiled.getInputDetails();
    this.shape = Array.from(input.shape);
    const [batch, samples, channels = 1] = this.shape;
    this.together = channels;
    if (batch !== 1 || samples !== window || this.shape.length > 3) {
      throw new Error(`the network takes (${this.shape.join(", ")}); model.json says ${window} samples`);
    }
    this.buffer = new Float32Array(window * this.together);
  }

  /**
   * @param page folder of the page.
   * @param isolated whether the host's headers allow threads.
   */
  static async load(page: string, card: ModelCard, isolated: boolean): Promise<Network> {
    const folder = new URL(__RUNTIME__, page).href;
    const relaxed = await supportsFeature("relaxedSimd");
    const threads = isolated && relaxed ? Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1) : 1;
    const variant = threads > 1 ? "_threaded" : relaxed ? "" : "_compat";
    const script = `${folder}litert_wasm${variant}_internal.js`;
    // The WebAssembly loader reads the location of its files and the print functions from here.
    Object.assign(self, {
      Module: {
        locateFile: (name: string) => folder + name,
        mainScriptUrlOrBlob: script,
        print: () => {},
        printErr: (line: string) => line.startsWith("ERROR") && console.error(line),
      },
    });
    await loadLiteRt(folder, { threads: threads > 1 });
    const url = new URL(`model/${card.file}`, page).href;
    const compiled = await loadAndCompile(url, {
      accelerator: "wasm",
      cpuOptions: { numThreads: threads },
    });
    return new Network(compiled, card.window, [script, script.replace(/js$/, "wasm")]);
  }

  /** Runs the network on a window of every channel. */
  async run(windows: Float32Array[]): Promise<Float32Array[]> {
    const outputs: Float32Array[] = [];
    for (let first = 0; first < windows.length; first += this.together) {
      const group = windows.slice(first, first + this.together);
      // A network for two channels gets a mono recording in both.
      for (let c = 0; c < this.together; c++) this.fill(c, group[Math.min(c, group.length - 1)]);
      const output = await this.invoke();
      outputs.push(...group.map((_, c) => this.channel(c, output)));
    }
    return outputs;
  }

  private fill(c: number, window: Float32Array): void {
    window.forEach((value, i) => (this.buffer[i * this.together + c] = value));
  }

  private channel(c: number, output: Float32Array): Float32Array {
    return Float32Array.from({ length: this.window }, (_, i) => output[i * this.together + c]);
  }

  private async invoke(): Promise<Float32Array> {
    const input = new Tensor(this.buffer, this.shape);
    const results = await this.compiled.run([input]);
    const output = Float32Array.from(results[0].toTypedArray());
    input.delete();
    results.forEach((result) => result.delete());
    if (!output.every(Number.isFinite)) throw new Error("the network gave NaN or infinity");
    return output;
  }
}
