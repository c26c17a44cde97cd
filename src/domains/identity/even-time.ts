import type { Clock } from '../../kernel/time.ts';

/**
 * Answers only at whole multiples of a step, so that how long the work took does not tell whether an
 * e-mail address is known.
 * @units stepMs in milliseconds, well above what the work usually takes
 */
export async function inEvenTime<Result>(
  clock: Clock,
  stepMs: number,
  startedMs: number,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } finally {
    await Bun.sleep(stepMs - ((clock.realMs() - startedMs) % stepMs));
  }
}
