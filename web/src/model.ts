/** Everything that the page knows about the model: `model/model.json`, written by `model.py`. */
export interface ModelCard {
  name: string;
  /** The `.tflite` file beside the card. */
  file: string;
  bytes: number;
  /** In hertz. */
  sample_rate: number;
  /** Samples that the network takes at a time. */
  window: number;
  /** Samples from the start of a window to that of the next: half a window or more. */
  hop: number;
  /** Level that a recording is brought to before the network. */
  level_dbfs: number;
  licence: string;
  trained_on: string;
}

export async function loadCard(folder: URL): Promise<ModelCard> {
  const response = await fetch(new URL("model.json", folder), { cache: "no-cache" });
  if (!response.ok) throw new Error(`model.json: status ${response.status}`);
  return checkCard(await response.json());
}

export function checkCard(card: ModelCard): ModelCard {
  for (const name of ["sample_rate", "window", "hop"] as const) {
    if (!Number.isInteger(card[name]) || card[name] < 1) {
      throw new Error(`model.json: ${name} is ${card[name]}; expected a whole number above 0`);
    }
  }
  if (2 * card.hop < card.window || card.hop >= card.window) {
    throw new Error(`model.json: hop is ${card.hop}; expected half of the window, ${card.window}, or more`);
  }
  if (!Number.isFinite(card.level_dbfs)) {
    throw new Error(`model.json: level_dbfs is ${card.level_dbfs}; expected decibels`);
  }
  return card;
}
