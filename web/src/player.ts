import { matchingGains, type Powers } from "./level";

const FADE_SECONDS = 0.015;

export type Side = "original" | "enhanced";

/**
 * Plays a recording and its enhancement side by side, equally loud, in step to the sample: what is
 * switched is only which of them is heard.
 */
export class Player {
  private readonly context: AudioContext;
  private readonly original: GainNode;
  private readonly enhanced: GainNode;
  private readonly dryShare: GainNode;
  private readonly wetShare: GainNode;
  private sources: AudioBufferSourceNode[] = [];
  private side: Side = "enhanced";
  private amount = 1;
  private startedAt = 0;
  private offset = 0;
  private generation = 0;
  playing = false;
  onEnd: () => void = () => {};

  constructor(
    private readonly dry: AudioBuffer,
    private readonly wet: AudioBuffer,
    private readonly powers: Powers,
  ) {
    this.context = contextOf(dry.sampleRate);
    const node = () => new GainNode(this.context);
    [this.original, this.enhanced, this.dryShare, this.wetShare] = [node(), node(), node(), node()];
    this.dryShare.connect(this.enhanced);
    this.wetShare.connect(this.enhanced);
    this.original.connect(this.context.destination);
    this.enhanced.connect(this.context.destination);
    this.apply(0);
  }

  get duration(): number {
    return this.dry.duration;
  }

  get position(): number {
    if (!this.playing) return this.offset;
    return Math.min(this.duration, this.offset + this.context.currentTime - this.startedAt);
  }

  async play(): Promise<void> {
    if (this.playing) return;
    await this.context.resume();
    if (this.offset >= this.duration - 0.01) this.offset = 0;
    this.start();
  }

  pause(): void {
    if (!this.playing) return;
    this.offset = this.position;
    this.stop();
  }

  seek(seconds: number): void {
    const wasPlaying = this.playing;
    this.stop();
    this.offset = Math.max(0, Math.min(this.duration, seconds));
    if (wasPlaying) this.start();
  }

  listenTo(side: Side): void {
    this.side = side;
    this.apply(FADE_SECONDS);
  }

  setAmount(amount: number): void {
    this.amount = amount;
    this.apply(FADE_SECONDS);
  }

  close(): void {
    this.stop();
    void this.context.close();
  }

  private start(): void {
    const generation = ++this.generation;
    const at = this.context.currentTime + 0.02;
    const play = (buffer: AudioBuffer, ...targets: AudioNode[]) => {
      const source = new AudioBufferSourceNode(this.context, { buffer });
      targets.forEach((target) => source.connect(target));
      source.start(at, this.offset);
      return source;
    };
    this.sources = [play(this.dry, this.original, this.dryShare), play(this.wet, this.wetShare)];
    this.sources[0].onended = () => {
      if (generation !== this.generation) return;
      this.stop();
      this.offset = this.duration;
      this.onEnd();
    };
    this.startedAt = at;
    this.playing = true;
  }

  private stop(): void {
    this.generation++;
    for (const source of this.sources) {
      source.stop();
      source.disconnect();
    }
    this.sources = [];
    this.playing = false;
  }

  private apply(seconds: number): void {
    const gains = matchingGains(this.powers, this.amount);
    const heard = this.side === "original";
    this.ramp(this.original, heard ? gains.original : 0, seconds);
    this.ramp(this.enhanced, heard ? 0 : gains.mixture, seconds);
    this.ramp(this.dryShare, 1 - this.amount, seconds);
    this.ramp(this.wetShare, this.amount, seconds);
  }

  private ramp({ gain }: GainNode, value: number, seconds: number): void {
    const now = this.context.currentTime;
    gain.cancelScheduledValues(now);
    gain.setValueAtTime(gain.value, now);
    gain.linearRampToValueAtTime(value, now + seconds);
  }
}

/** Returns a context at the recording's rate, so that playback is not resampled. */
function contextOf(sampleRate: number): AudioContext {
  try {
    return new AudioContext({ sampleRate });
  } catch {
    return new AudioContext();
  }
}
