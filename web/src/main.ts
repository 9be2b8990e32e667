import "./style.css";
import { Complaint, decode } from "./decode";
import { clock, element } from "./elements";
import { Enhancer } from "./enhancer";
import { loadCard } from "./model";
import { keepOffline } from "./offline";
import { Result } from "./result";

const ANNOUNCE_PERCENT = 25;

const drop = element("drop");
const input = element<HTMLInputElement>("file");
const progress = element<HTMLProgressElement>("progress");
let result: Result | undefined;
let busy = false;
let cancelled = false;

const enhancer = start();

async function start(): Promise<Enhancer> {
  const card = await loadCard(new URL("model/", location.href));
  element("model").textContent =
    `Model ${card.name}, ${card.sample_rate / 1000} kHz, ${(card.bytes / 1e6).toFixed(1)} MB. ` +
    `License of its weights: ${card.licence}.`;
  return Enhancer.open(card);
}

async function prepare(): Promise<void> {
  const readiness = element("readiness");
  try {
    const { files } = await enhancer;
    readiness.textContent = "Ready.";
    readiness.textContent = (await keepOffline(files))
      ? "Ready, also without a network from now on."
      : "Ready.";
  } catch (error) {
    readiness.textContent = "The model can’t be loaded.";
    complain(
      `The model can’t be loaded (${text(error)}). Reload the page; it needs a browser with ` +
        "WebAssembly: Chrome, Edge, Firefox or Safari of the last three years.",
    );
  }
}

async function take(files: FileList | null | undefined): Promise<void> {
  const file = files?.[0];
  if (!file || busy) return;
  busy = true;
  cancelled = false;
  complain(files.length > 1 ? `One recording at a time: only “${file.name}” is taken.` : "");
  result?.close();
  result = undefined;
  showWork(file.name);
  try {
    const audio = await decode(file);
    const worker = await enhancer;
    const started = performance.now();
    const enhanced = cancelled
      ? null
      : await worker.enhance(audio, (share) => showProgress(share, (performance.now() - started) / 1000));
    if (enhanced && !cancelled) {
      result = new Result(file.name, audio, enhanced);
      announce("Done.");
    } else announce("Cancelled.");
  } catch (error) {
    complain(
      error instanceof Complaint
        ? error.message
        : `“${file.name}” can’t be enhanced: ${text(error)}. Reload the page and try again.`,
    );
  } finally {
    busy = false;
    input.value = "";
    element("working").hidden = true;
    if (!result) {
      element("choose").hidden = false;
      input.focus();
    }
  }
}

function showWork(name: string): void {
  element("choose").hidden = true;
  element("working").hidden = false;
  element("task").textContent = `Enhancing ${name}`;
  element("remaining").textContent = "Decoding…";
  progress.value = 0;
  announced = 0;
  element("cancel").focus();
  announce(`Enhancing ${name}`);
}

let announced = 0;

function showProgress(share: number, seconds: number): void {
  progress.value = 100 * share;
  const left = share > 0.02 ? `, ${clock((seconds * (1 - share)) / share + 0.5)} left` : "";
  element("remaining").textContent = `${Math.floor(100 * share)} %${left}`;
  // A screen reader announces quarters, not every step.
  const percent = Math.floor((100 * share) / ANNOUNCE_PERCENT) * ANNOUNCE_PERCENT;
  if (percent > announced && percent < 100) {
    announced = percent;
    announce(`${percent} percent`);
  }
}

function announce(message: string): void {
  element("announcer").textContent = message;
}

function complain(message: string): void {
  const complaint = element("complaint");
  complaint.textContent = message;
  complaint.hidden = !message;
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

input.addEventListener("change", () => void take(input.files));
element("cancel").addEventListener("click", () => {
  cancelled = true;
  element("remaining").textContent = "Stopping…";
  void enhancer.then((worker) => worker.cancel());
});
element("again").addEventListener("click", () => {
  result?.close();
  result = undefined;
  complain("");
  element("choose").hidden = false;
  input.focus();
});
// The whole page accepts drops, so that a near miss does not make the browser open the file.
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
document.addEventListener("dragleave", () => drop.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  void take(event.dataTransfer?.files);
});

void prepare();
