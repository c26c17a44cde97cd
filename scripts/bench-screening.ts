/**
 * Measures screening against the published lists: quality at the default threshold, speed and memory.
 * Usage: bun scripts/bench-screening.ts [--data DIR] [--quick]
 * Prints a table and, as the last line, one JSON object. Exit 1 on a missed target, 2 on wrong use.
 */
import { parseArgs } from 'node:util';
import type { CandidateIndex } from '../src/domains/aml/candidate-index.ts';
import {
  screeningAlgorithm,
  screeningConfigDefault,
  screeningConfigHash,
} from '../src/domains/aml/config.ts';
import { screenName } from '../src/domains/aml/match.ts';
import { indexAll } from '../src/domains/aml/testing/measure-screening.ts';
import {
  loadPublishedLists,
  type PublishedLists,
  publishedListsDirectory,
} from '../src/domains/aml/testing/published-lists.ts';
import { FULL_SIZES, QUICK_SIZES, qualityOf } from './screening-measures.ts';

type Measure = {
  readonly id: string;
  readonly ours: number;
  readonly unit: string;
  readonly runs: number;
  readonly median: number;
  readonly spread: number;
};

type Target = { readonly atLeast: number } | { readonly atMost: number };

const targets: Readonly<Record<string, Target>> = {
  pairs_f1: { atLeast: 0.8 },
  un_recall: { atLeast: 0.99 },
  clean_alert_rate: { atMost: 0.001 },
  original_script_recall: { atLeast: 0.85 },
  p50_ms: { atMost: 1 },
  batch_per_s: { atLeast: 2000 },
  batch_unseen_per_s: { atLeast: 2000 },
};

/** Names that want as much work as a name can: nobody may hold the others up with one. */
const HOSTILE = [
  'Muhammad '.repeat(30).trim(),
  'Ali Hassan Hussein Ahmed Mohamed Abdullah Ibrahim Omar Yusuf Khalid Said Salim '.repeat(3).trim(),
  'a b c d e f g h i j k l m n o p q r s t u v w x y z a b c d e f g h i j k l m n',
  'International Trading Company Limited General Industrial Group Holding Bank '.repeat(4).trim(),
  'x'.repeat(500),
  'ЖоржΓιώργος محمد 金正恩 '.repeat(8).trim(),
];

process.exit(main(process.argv.slice(2)));

function main(argv: readonly string[]): number {
  const options = optionsOf(argv);
  if (options === undefined) {
    return 2;
  }
  const { directory, quick } = options;
  const lists = loadPublishedLists(directory);
  if (lists === undefined) {
    console.error(`bench-screening: no published lists in ${directory} (use --data DIR)`);
    return 2;
  }
  const began = performance.now();
  const index = indexAll(lists);
  const indexMs = performance.now() - began;
  const speed = speedMeasures(lists, index, quick ? 1 : 5);
  const quality = qualityOf(lists, index, quick ? QUICK_SIZES : FULL_SIZES);
  const measures = [
    ...quality.map(({ id, value }) => once(id, value, 'ratio')),
    once('index_ms', indexMs, 'ms'),
    ...speed,
  ];
  printTable(measures, index);
  console.log(JSON.stringify({ name: 'screening', measures }));
  return measures.every((measure) => reached(measure)) ? 0 : 1;
}

function optionsOf(argv: readonly string[]): { directory: string; quick: boolean } | undefined {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { data: { type: 'string' }, quick: { type: 'boolean', default: false } },
      strict: true,
    });
    return {
      directory: values.data ?? publishedListsDirectory(process.env.PLIMSOLL_SHARED_DIR),
      quick: values.quick,
    };
  } catch (cause) {
    console.error(`bench-screening: ${cause instanceof Error ? cause.message : 'wrong use'}`);
    console.error('usage: bun scripts/bench-screening.ts [--data DIR] [--quick]');
    return undefined;
  }
}

/** Warm means that the words were seen before, as in daily re-screening; unseen names are timed apart. */
function speedMeasures(lists: PublishedLists, index: CandidateIndex, timedRuns: number): Measure[] {
  const names = [...lists.cleanNames, ...lists.unQueries.map((query) => query.name)];
  const p50: number[] = [];
  const p99: number[] = [];
  const batch: number[] = [];
  const unseen = timeNames(index, names);
  const unseenTotal = unseen.reduce((sum, time) => sum + time, 0);
  unseen.sort((left, right) => left - right);
  for (let run = 0; run < timedRuns; run += 1) {
    const times = timeNames(index, names);
    const total = times.reduce((sum, time) => sum + time, 0);
    times.sort((left, right) => left - right);
    p50.push(times[Math.floor(times.length * 0.5)] ?? 0);
    p99.push(times[Math.floor(times.length * 0.99)] ?? 0);
    batch.push((names.length / total) * 1000);
  }
  const memory = Math.round(process.memoryUsage().rss / 1024 / 1024);
  return [
    once('p50_unseen_ms', unseen[Math.floor(unseen.length / 2)] ?? 0, 'ms'),
    once('batch_unseen_per_s', (names.length / unseenTotal) * 1000, 'names/s'),
    once('hostile_max_ms', Math.max(...timeNames(index, HOSTILE)), 'ms'),
    several('p50_ms', p50, 'ms'),
    several('p99_ms', p99, 'ms'),
    several('batch_per_s', batch, 'names/s'),
    once('memory_mib', memory, 'MiB'),
  ];
}

/** @units milliseconds per name, in the order given */
function timeNames(index: CandidateIndex, names: readonly string[]): number[] {
  return names.map((name) => {
    const start = performance.now();
    screenName(index, { name, kind: 'person' }, screeningConfigDefault);
    return performance.now() - start;
  });
}

function once(id: string, value: number, unit: string): Measure {
  const ours = rounded(value);
  return { id, ours, unit, runs: 1, median: ours, spread: 0 };
}

function several(id: string, values: readonly number[], unit: string): Measure {
  const sorted = [...values].sort((left, right) => left - right);
  const median = rounded(sorted[Math.floor(sorted.length / 2)] ?? 0);
  const spread = rounded((sorted.at(-1) ?? 0) - (sorted[0] ?? 0));
  return { id, ours: median, unit, runs: values.length, median, spread };
}

function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

function reached(measure: Measure): boolean {
  const target = targets[measure.id];
  if (target === undefined) {
    return true;
  }
  return 'atLeast' in target ? measure.ours >= target.atLeast : measure.ours <= target.atMost;
}

function printTable(measures: readonly Measure[], index: CandidateIndex): void {
  console.log(`algorithm ${screeningAlgorithm}, threshold ${screeningConfigDefault.threshold}`);
  console.log(`config    ${screeningConfigHash(screeningConfigDefault)}`);
  console.log(
    `index     ${index.entityCount} entities, ${index.nameCount} names, ${index.vocabularySize} words, ` +
      `${index.unreadable.length} unreadable`,
  );
  for (const measure of measures) {
    const target = targets[measure.id];
    const wanted =
      target === undefined ? '' : 'atLeast' in target ? `>= ${target.atLeast}` : `<= ${target.atMost}`;
    const verdict = target === undefined ? '' : reached(measure) ? 'ok' : 'MISSED';
    console.log(
      `${measure.id.padEnd(24)}${String(measure.ours).padStart(12)} ${measure.unit.padEnd(8)}` +
        `${wanted.padEnd(10)}${verdict.padEnd(8)}${measure.runs > 1 ? `spread ${measure.spread} over ${measure.runs}` : ''}`,
    );
  }
}
