import type { Figures } from './measure.ts';

type Line = {
  readonly id: string;
  readonly samples: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
};

/** What the product promises of alerts, marks and the rest. @units ms */
const TARGET_MS = 1_000;
const FAULTS_SHOWN = 20;

const NAMES: Readonly<Record<keyof Figures['waits'], string>> = {
  stored: 'stored, with its candles',
  mark: 'position marked, its loss held',
  stream: 'quote at the subscriber',
  alert: 'alert told',
  trigger: 'exit triggered',
  exit: 'exit ordered',
};

/** Prints the table; what counts is the slowest of a hundred. @shape the exit code */
export function printFigures(
  { waits, ticks, processor, faults }: Figures,
  seconds: number,
  judged: boolean,
): number {
  const lines = (Object.keys(NAMES) as (keyof typeof NAMES)[]).map((id) => lineOf(id, waits[id]));
  const cell = (text: string | number) => String(text).padStart(9);
  const head = ['samples', 'p50', 'p95', 'p99', 'max', 'target'].map(cell).join('');
  process.stdout.write(`\n${'from the tick, in ms'.padEnd(32)}${head}\n`);
  for (const { id, ...line } of lines) {
    const figures = [line.samples, line.p50, line.p95, line.p99, line.max, TARGET_MS].map(cell).join('');
    const verdict = line.p99 <= TARGET_MS ? 'met' : 'MISSED';
    process.stdout.write(`${NAMES[id as keyof typeof NAMES].padEnd(32)}${figures}  ${verdict}\n`);
  }
  const share = (us: number) => `${((us / seconds / 1_000_000) * 100).toFixed(0)} % of a core`;
  const perTick = (us: number) => `${(us / ticks).toFixed(0)} µs a tick`;
  const { bun, postgres, waited } = processor;
  const starved = ((waited / seconds / 1_000_000) * 100).toFixed(0);
  process.stdout.write(
    `${ticks} ticks in ${seconds} s; processor: server ${perTick(bun)} (${share(bun)}), ` +
      `PostgreSQL ${perTick(postgres)} (${share(postgres)}); the server had work and no processor ${starved} % of the time\n`,
  );
  for (const fault of faults.slice(0, FAULTS_SHOWN)) {
    process.stdout.write(`FAULT  ${fault}\n`);
  }
  process.stdout.write(faults.length === 0 ? 'the books hold\n' : `${faults.length} faults\n`);
  const measures = [
    ...lines,
    { id: 'server_us_a_tick', ours: Math.round(bun / ticks) },
    { id: 'postgres_us_a_tick', ours: Math.round(postgres / ticks) },
    { id: 'server_waited_percent', ours: Math.round(waited / seconds / 10_000) },
  ];
  process.stdout.write(`${JSON.stringify({ name: 'prices', measures, faults: faults.length })}\n`);
  const isMet = lines.every(({ p99 }) => p99 <= TARGET_MS);
  return faults.length === 0 && (isMet || !judged) ? 0 : 1;
}

function lineOf(id: string, waits: readonly number[]): Line {
  const sorted = Float64Array.from(waits).sort();
  const at = (share: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN);
  return { id, samples: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}
