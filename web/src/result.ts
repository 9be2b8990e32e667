import { BlindTest } from "./blind";
import { label, loudest, paint } from "./drawing";
import { clock, element } from "./elements";
import { measurePowers } from "./level";
import type { Enhanced } from "./messages";
import { Player, type Side } from "./player";
import { writeWav } from "./wav";

/** The part of the page that plays, compares and saves one enhanced recording. */
export class Result {
  private readonly player: Player;
  private readonly wet: AudioBuffer;
  private readonly blind = new BlindTest();
  private readonly listeners = new AbortController();
  private frame = 0;

  constructor(
    private readonly name: string,
    private readonly dry: AudioBuffer,
    enhanced: Enhanced,
  ) {
    this.wet = new AudioBuffer({
      length: dry.length,
      numberOfChannels: dry.numberOfChannels,
      sampleRate: dry.sampleRate,
    });
    enhanced.channels.forEach((channel, c) => this.wet.copyToChannel(channel, c));
    const originals = Array.from({ length: dry.numberOfChannels }, (_, c) => dry.getChannelData(c));
    this.player = new Player(dry, this.wet, measurePowers(originals, enhanced.channels));
    this.player.onEnd = () => this.showPlaying();
    this.show(enhanced);
    this.listen();
    this.follow();
  }

  close(): void {
    cancelAnimationFrame(this.frame);
    this.listeners.abort();
    this.player.close();
    element("result").hidden = true;
  }

  private show({ levelDbfs, seconds, before, after }: Enhanced): void {
    const { duration, sampleRate, numberOfChannels } = this.dry;
    element("title").textContent = this.name;
    const channels = ["mono", "stereo"][numberOfChannels - 1] ?? `${numberOfChannels} channels`;
    element("facts").textContent = [
      clock(duration),
      channels,
      `${sampleRate / 1000} kHz`,
      levelDbfs === null ? "silence" : `level ${levelDbfs.toFixed(1)} dBFS`.replace("-", "−"),
      `enhanced in ${seconds.toFixed(1)} s` +
        // The speed of a short recording says little.
        (duration < 10 ? "" : `, ${(duration / seconds).toFixed(1)} times as fast as it plays`),
    ].join(" · ");
    const top = loudest([before, after]);
    for (const [id, picture] of [["before", before], ["after", after]] as const) {
      paint(element<HTMLCanvasElement>(id), picture, top);
      label(element(`axis-${id}`), picture);
    }
    element<HTMLInputElement>("position").max = String(duration);
    element<HTMLInputElement>("position").value = "0";
    element<HTMLInputElement>("amount").value = "100";
    element("amount-value").textContent = "100 %";
    element<HTMLInputElement>("blind").checked = false;
    element("verdict").textContent = "";
    element("saved").textContent = "";
    this.showBlind(false);
    this.showPlaying();
    element("result").hidden = false;
    element("title").focus();
  }

  private listen(): void {
    const on = (target: EventTarget, event: string, action: (event: Event) => void) =>
      target.addEventListener(event, action, { signal: this.listeners.signal });
    on(element("play"), "click", () => void this.toggle());
    on(element("position"), "input", () => {
      this.player.seek(Number(element<HTMLInputElement>("position").value));
    });
    on(element("amount"), "input", () => {
      const percent = Number(element<HTMLInputElement>("amount").value);
      element("amount-value").textContent = `${percent} %`;
      this.player.setAmount(percent / 100);
    });
    on(element("sides"), "change", ({ target }) => {
      this.player.listenTo((target as HTMLInputElement).value as Side);
    });
    on(element("blind-sides"), "change", ({ target }) => this.listenBlind(target as HTMLInputElement));
    on(element("blind"), "change", ({ target }) => {
      element("verdict").textContent = "";
      this.showBlind((target as HTMLInputElement).checked);
    });
    for (const button of document.querySelectorAll<HTMLButtonElement>("[data-guess]")) {
      on(button, "click", () => this.guess(button.dataset.guess === "1" ? 1 : 2));
    }
    for (const id of ["before", "after"]) {
      on(element(id), "click", (event) => {
        const { left, width } = element(id).getBoundingClientRect();
        this.player.seek((((event as MouseEvent).clientX - left) / width) * this.player.duration);
      });
    }
    on(element("download"), "click", () => void this.save());
  }

  private async toggle(): Promise<void> {
    if (this.player.playing) this.player.pause();
    else await this.player.play();
    this.showPlaying();
  }

  private showPlaying(): void {
    element("play").textContent = this.player.playing ? "Pause" : "Play";
  }

  private showBlind(blind: boolean): void {
    element("sides").hidden = blind;
    element("blind-sides").hidden = !blind;
    element("guess").hidden = !blind;
    if (blind) this.chooseFirst();
    else {
      document.querySelector<HTMLInputElement>("[name=side][value=enhanced]")!.checked = true;
      this.player.listenTo("enhanced");
    }
  }

  private chooseFirst(): void {
    const first = document.querySelector<HTMLInputElement>("[name=blind][value='1']")!;
    first.checked = true;
    this.listenBlind(first);
  }

  private listenBlind({ value }: HTMLInputElement): void {
    this.player.listenTo(this.blind.sideOf(value === "1" ? 1 : 2));
  }

  private guess(button: 1 | 2): void {
    const right = this.blind.answer(button);
    const { right: hits, answers } = this.blind;
    element("verdict").textContent =
      `${right ? "Right" : "Wrong"}: ${hits} of ${answers} so far. They may have changed places; listen again.`;
    this.chooseFirst();
  }

  private async save(): Promise<void> {
    const button = element<HTMLButtonElement>("download");
    button.disabled = true;
    element("saved").textContent = "Writing…";
    const amount = Number(element<HTMLInputElement>("amount").value) / 100;
    const { length, numberOfChannels, sampleRate } = this.dry;
    const mixed = (start: number, end: number) =>
      Array.from({ length: numberOfChannels }, (_, c) => {
        const dry = this.dry.getChannelData(c).subarray(start, end);
        const wet = this.wet.getChannelData(c).subarray(start, end);
        return dry.map((value, i) => (1 - amount) * value + amount * wet[i]);
      });
    const { blob, clipped } = await writeWav(mixed, length, numberOfChannels, sampleRate);
    const file = `${this.name.replace(/\.[^.]+$/, "")}-enhanced.wav`;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    element("saved").textContent =
      `${file}: 24 bits, ${(blob.size / 1e6).toFixed(1)} MB.` +
      (clipped ? ` ${clipped} samples were beyond full scale and are clipped; a smaller amount may avoid it.` : "");
    button.disabled = false;
  }

  /** Updates the displayed position in every frame. */
  private follow(): void {
    const { position, duration } = this.player;
    const slider = element<HTMLInputElement>("position");
    if (this.player.playing || document.activeElement !== slider) slider.value = String(position);
    const time = `${clock(position)} / ${clock(duration)}`;
    const output = element("clock");
    if (output.textContent !== time) {
      output.textContent = time;
      slider.setAttribute("aria-valuetext", `${clock(position)} of ${clock(duration)}`);
    }
    for (const line of document.querySelectorAll<HTMLElement>(".playhead")) {
      line.style.left = `${(100 * position) / duration}%`;
    }
    this.frame = requestAnimationFrame(() => this.follow());
  }
}
