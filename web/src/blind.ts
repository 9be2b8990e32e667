import type { Side } from "./player";

/** A blind comparison. The two buttons are assigned to the sides at random after every answer. */
export class BlindTest {
  private first: Side = "original";
  answers = 0;
  right = 0;

  constructor(private readonly random: () => number = Math.random) {
    this.shuffle();
  }

  sideOf(button: 1 | 2): Side {
    const second: Side = this.first === "original" ? "enhanced" : "original";
    return button === 1 ? this.first : second;
  }

  /** Records that the visitor chose a button as the enhanced one; returns whether that is right. */
  answer(button: 1 | 2): boolean {
    const right = this.sideOf(button) === "enhanced";
    this.answers++;
    if (right) this.right++;
    this.shuffle();
    return right;
  }

  private shuffle(): void {
    this.first = this.random() < 0.5 ? "original" : "enhanced";
  }
}
