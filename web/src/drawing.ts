import { rowOf, type Picture } from "./spectrogram";

const RANGE_DB = 80;
const STOPS = [
  [8, 12, 28],
  [45, 24, 94],
  [128, 34, 116],
  [205, 66, 84],
  [247, 137, 62],
  [252, 226, 144],
];

/** Returns the loudest value of pictures that share one scale. */
export function loudest(pictures: Picture[]): number {
  let most = -Infinity;
  for (const { decibels } of pictures) for (const value of decibels) if (value > most) most = value;
  return most;
}

export function paint(canvas: HTMLCanvasElement, picture: Picture, topDb: number): void {
  const { columns, rows, decibels } = picture;
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext("2d");
  if (!context) return;
  const image = context.createImageData(columns, rows);
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < rows; row++) {
      const share = 1 + (decibels[column * rows + row] - topDb) / RANGE_DB;
      const at = 4 * ((rows - 1 - row) * columns + column);
      image.data.set([...color(share), 255], at);
    }
  }
  context.putImageData(image, 0, 0);
}

function color(share: number): number[] {
  const place = Math.max(0, Math.min(1, share)) * (STOPS.length - 1);
  const index = Math.min(Math.floor(place), STOPS.length - 2);
  return STOPS[index].map((value, i) => value + (place - index) * (STOPS[index + 1][i] - value));
}

/** Labels frequencies next to a picture, positioned in percent of its height. */
export function label(axis: HTMLElement, { rows, sampleRate }: Picture): void {
  axis.replaceChildren(
    ...[100, 300, 1000, 3000, 10_000]
      .filter((hertz) => hertz < sampleRate / 2.3)
      .map((hertz) => {
        const mark = document.createElement("span");
        mark.textContent = hertz < 1000 ? `${hertz} Hz` : `${hertz / 1000} kHz`;
        mark.style.setProperty("bottom", `${(100 * rowOf(hertz, rows, sampleRate)) / rows}%`);
        return mark;
      }),
  );
}
