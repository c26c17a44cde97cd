/**
 * How many answers an operation gave and how long they took, in plain numbers: counting is on the path
 * of every request, and a label that is hashed each time costs more than the rest of it. The text is
 * made when somebody asks for it.
 * @source Prometheus text exposition format 0.0.4
 */

/** @units seconds, upper bounds, inclusive */
const BUCKETS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10] as const;

type OfOperation = {
  /** By status. */
  readonly answers: Map<number, number>;
  /** How many took at most as long as each bucket, but longer than the one before; the last is longer. */
  readonly took: number[];
  seconds: number;
};

export type RequestFigures = Map<string, OfOperation>;

/** Counts one answer. @units ms */
export function countAnswer(figures: RequestFigures, operation: string, status: number, ms: number): void {
  const known = figures.get(operation);
  const own = known ?? { answers: new Map(), took: Array(BUCKETS.length + 1).fill(0), seconds: 0 };
  if (known === undefined) {
    figures.set(operation, own);
  }
  own.answers.set(status, (own.answers.get(status) ?? 0) + 1);
  const seconds = ms / 1000;
  let bucket = 0;
  while (bucket < BUCKETS.length && seconds > (BUCKETS[bucket] ?? 0)) {
    bucket += 1;
  }
  own.took[bucket] = (own.took[bucket] ?? 0) + 1;
  own.seconds += seconds;
}

/** The figures as Prometheus reads them; operation ids need no escaping. */
export function figuresText(figures: RequestFigures): string {
  const answers: string[] = [];
  const seconds: string[] = [];
  for (const [operation, own] of figures) {
    const label = `operation="${operation}"`;
    for (const [status, count] of own.answers) {
      answers.push(`plimsoll_requests_total{${label},status="${status}"} ${count}`);
    }
    let count = 0;
    for (const [bucket, number] of own.took.entries()) {
      count += number;
      seconds.push(`plimsoll_request_seconds_bucket{${label},le="${BUCKETS[bucket] ?? '+Inf'}"} ${count}`);
    }
    seconds.push(`plimsoll_request_seconds_sum{${label}} ${own.seconds}`);
    seconds.push(`plimsoll_request_seconds_count{${label}} ${count}`);
  }
  return [
    '# HELP plimsoll_requests_total Answers by operation and status',
    '# TYPE plimsoll_requests_total counter',
    ...answers,
    '# HELP plimsoll_request_seconds Time to answer by operation',
    '# TYPE plimsoll_request_seconds histogram',
    ...seconds,
    '',
  ].join('\n');
}
