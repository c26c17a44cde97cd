/**
 * Shows steps as they happen: one live line on a terminal, plain lines elsewhere.
 */
import type { StepResult } from '../src/demo/journey.ts';

type Output = { readonly isTTY?: boolean; readonly write: (text: string) => unknown };

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 80;

export class StepLine {
  readonly #total: number;
  readonly #output: Output;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(total: number, output: Output) {
    this.#total = total;
    this.#output = output;
  }

  /** Shows a step as running, with the time it has taken so far. */
  begin(title: string, index: number): void {
    if (this.#output.isTTY !== true) {
      return;
    }
    const started = performance.now();
    let frame = 0;
    const draw = (): void => {
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      frame = (frame + 1) % FRAMES.length;
      this.#output.write(`\r\x1b[2K${FRAMES[frame]} ${index + 1}/${this.#total}  ${title}  ${seconds} s`);
    };
    draw();
    this.#timer = setInterval(draw, FRAME_MS);
  }

  end(result: StepResult): void {
    this.#clear();
    this.#output.write(`ok    ${duration(result.ms)}  ${result.title}\n                ${result.outcome}\n`);
  }

  fail(reason: string): void {
    this.#clear();
    this.#output.write(`FAILED          ${reason}\n`);
  }

  #clear(): void {
    clearInterval(this.#timer);
    if (this.#output.isTTY === true) {
      this.#output.write('\r\x1b[2K');
    }
  }
}

function duration(ms: number): string {
  return `${Math.round(ms)} ms`.padStart(8);
}
