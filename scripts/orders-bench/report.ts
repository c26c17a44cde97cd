/** What `bench orders` says: a line for each turn, a table, and the figures as JSON in the last line. */
import type { Turn } from './measure.ts';

export type Measure = {
  readonly id: string;
  readonly ours: number;
  readonly peer?: number;
  /** What is held against the target where there is a peer. */
  readonly ratio?: number;
  readonly unit: string;
  readonly runs: number;
  readonly median: number;
  readonly spread: number;
  readonly target: number;
  /** Whether the target is a least; else it is a most. */
  readonly least: boolean;
};

/** A measure of some turns; with a peer the median of the turns' ratios counts, and must reach the target. */
export function measureOf(
  id: string,
  unit: string,
  values: readonly number[],
  target: number,
  peers?: readonly number[],
): Measure {
  const ours = rounded(median(values));
  const figures = {
    id,
    ours,
    unit,
    runs: values.length,
    median: ours,
    spread: rounded(Math.max(...values) - Math.min(...values)),
    target,
    least: peers !== undefined,
  };
  return peers === undefined
    ? figures
    : {
        ...figures,
        peer: rounded(median(peers)),
        ratio: rounded(median(values.map((value, turn) => value / (peers[turn] ?? Number.NaN)))),
      };
}

/** One turn in a line. */
export function turnLine(name: string, rate: number, turn: Turn, drainedSeconds: number): string {
  const { bun, postgres, load } = turn.processor;
  const us = (value: number) => `${value.toFixed(0)} µs`;
  const others = Object.entries(turn.others)
    .map(([what, count]) => `, ${count} ${what.trim()}`)
    .join('');
  return (
    `  ${name.padEnd(8)} ${Math.round(rate)} orders/s, p50 ${turn.p50.toFixed(1)} ms, p99 ${turn.p99.toFixed(1)} ms; an order takes ` +
    `${us(bun)} of the server, ${us(postgres)} of PostgreSQL, ${us(load)} of the load; at rest after ` +
    `${drainedSeconds.toFixed(1)} s${others}\n`
  );
}

/** What an order took of the server, PostgreSQL and the load together. @units microseconds */
export function processorOf({ processor: { bun, postgres, load } }: Turn): number {
  return bun + postgres + load;
}

/** Prints the table. @shape the exit code */
export function printReport(measures: readonly Measure[], faults: readonly string[]): number {
  const cell = (value: number | undefined) => (value === undefined ? '' : String(value)).padStart(11);
  const header = ['ours', 'naive', 'ratio', 'spread', 'target'].map((name) => name.padStart(11)).join('');
  process.stdout.write(`\n${'measure'.padEnd(14)}${header}\n`);
  for (const measure of measures) {
    const { id, ours, peer, ratio, spread, target, unit } = measure;
    process.stdout.write(
      `${id.padEnd(14)}${[ours, peer, ratio, spread, target].map(cell).join('')}  ${unit}${isMet(measure) ? '' : '  MISSED'}\n`,
    );
  }
  for (const fault of faults.slice(0, 20)) {
    process.stdout.write(`FAULT  ${fault}\n`);
  }
  process.stdout.write(faults.length === 0 ? 'the books hold\n' : `${faults.length} faults\n`);
  const figures = { name: 'orders', measures, faults: faults.length };
  const json = JSON.stringify(figures, (key, value) =>
    key === 'target' || key === 'least' ? undefined : value,
  );
  process.stdout.write(`${json}\n`);
  return faults.length === 0 && measures.every(isMet) ? 0 : 1;
}

function isMet({ ours, ratio, target, least }: Measure): boolean {
  const value = ratio ?? ours;
  return least ? value >= target : value <= target;
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

function rounded(value: number): number {
  return value >= 100 ? Math.round(value) : Math.round(value * 1_000) / 1_000;
}
