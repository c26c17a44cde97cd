/**
 * Plays ticks of a file as if they happened now, for the sandbox: the first at once, the others as far apart
 * as they were, or so many times faster. Their order and their count are those of the file.
 */
import { addMs, type Instant, msOfInstant } from '../../../kernel/time.ts';
import type { FeedTick } from '../prices/rules.ts';
import type { Feed } from './feed.ts';

export type CsvFeedParts = {
  readonly ticks: readonly FeedTick[];
  /** How many times faster than it happened; 0 waits for nothing. */
  readonly speed: number;
  readonly now: () => Instant;
  /** Called when the last tick was told. */
  readonly ended: () => void;
};

/** The feed `replay`, which plays a file once. */
export function csvFeed({ ticks, speed, now, ended }: CsvFeedParts): Feed {
  let timer: Timer | undefined;
  let next = 0;
  return {
    name: 'replay',
    start: (_instruments, sink) => {
      const [first] = ticks;
      const began = now();
      const beganMs = performance.now();
      const afterMs = (tick: FeedTick): number =>
        speed === 0 || first === undefined
          ? 0
          : (msOfInstant(tick.occurredAt) - msOfInstant(first.occurredAt)) / speed;
      const play = (): void => {
        const passedMs = performance.now() - beganMs;
        for (let tick = ticks[next]; tick !== undefined && afterMs(tick) <= passedMs; tick = ticks[next]) {
          sink.tick({ ...tick, occurredAt: addMs(began, Math.trunc(afterMs(tick))) });
          next += 1;
        }
        const waits = ticks[next];
        if (waits === undefined) {
          ended();
        } else {
          timer = setTimeout(play, Math.max(1, afterMs(waits) - (performance.now() - beganMs)));
        }
      };
      play();
    },
    stop: async () => clearTimeout(timer),
  };
}
