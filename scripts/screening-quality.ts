/**
 * `bun scripts/screening-quality.ts --write|--check [--keep-speed] [--data DIR]`: writes docs/compliance/screening-quality.md from
 * the published lists and the labelled names, or says whether the page is in step with the program. What a machine
 * decides (how fast, how much memory) is under a heading of its own, which `--check` passes over and `--keep-speed`
 * leaves as it is, for a machine that does other things meanwhile. Exit 1 where the
 * page is not in step, 2 on wrong use or without the data.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  screeningAlgorithm,
  screeningConfigDefault,
  screeningConfigHash,
} from '../src/domains/aml/config.ts';
import { indexAll, measurePairs } from '../src/domains/aml/testing/measure-screening.ts';
import {
  loadPublishedLists,
  type PublishedLists,
  publishedListsDirectory,
} from '../src/domains/aml/testing/published-lists.ts';
import { FULL_SIZES, type Quality, qualityOf } from './screening-measures.ts';

const PAGE = join(import.meta.dir, '..', 'docs', 'compliance', 'screening-quality.md');
const SPEED = '## Speed';

const FILES = [
  'ofac/sdn_2021-07.csv',
  'ofac/alt_2021-07.csv',
  'ofac/cons_prim_2025-12.csv',
  'ofac/cons_alt_2025-12.csv',
  'un/UN_consolidated_2026-02-27.xml',
  'uk/subject_names.csv',
  'uk/subject_dobs.csv',
  'dev_pairs.tsv',
  'dev_un_queries.tsv',
  'dev_un_original_script.tsv',
  'dev_clean_names_us.csv',
  'dev_clean_names_global.csv',
];

const BARS: Readonly<Record<string, string>> = {
  pairs_f1: 'at least 0.80',
  un_recall: 'at least 0.99',
  clean_alert_rate: 'at most 0.001',
  original_script_recall: 'at least 0.85',
};

process.exit(main(process.argv.slice(2)));

function main(argv: readonly string[]): number {
  const options = optionsOf(argv);
  const lists = options === undefined ? undefined : loadPublishedLists(options.directory);
  if (options === undefined || lists === undefined) {
    console.error(
      'usage: bun scripts/screening-quality.ts --write|--check [--keep-speed] [--data DIR]; DIR holds the lists',
    );
    return 2;
  }
  const index = indexAll(lists);
  const quality = qualityPage(lists, qualityOf(lists, index, FULL_SIZES), options.directory);
  if (options.write) {
    writeFileSync(PAGE, `${quality}${options.keepsSpeed ? writtenSpeed() : speedPage()}`);
    return 0;
  }
  const written = readWritten().split(SPEED)[0];
  if (written !== quality) {
    console.error(`${PAGE} is not in step: run bun scripts/screening-quality.ts --write`);
    return 1;
  }
  return 0;
}

type Options = { readonly directory: string; readonly write: boolean; readonly keepsSpeed: boolean };

function optionsOf(argv: readonly string[]): Options | undefined {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        data: { type: 'string' },
        write: { type: 'boolean' },
        check: { type: 'boolean' },
        'keep-speed': { type: 'boolean' },
      },
      strict: true,
    });
    const directory = values.data ?? publishedListsDirectory(process.env.PLIMSOLL_SHARED_DIR);
    const keepsSpeed = values['keep-speed'] === true;
    return values.write === values.check
      ? undefined
      : { directory, write: values.write === true, keepsSpeed };
  } catch {
    return undefined;
  }
}

function readWritten(): string {
  try {
    return readFileSync(PAGE, 'utf8');
  } catch {
    return '';
  }
}

function writtenSpeed(): string {
  const written = readWritten();
  const at = written.indexOf(SPEED);
  return at === -1 ? `${SPEED}\n` : written.slice(at);
}

function qualityPage(lists: PublishedLists, measured: readonly Quality[], directory: string): string {
  const rows = measured.map(
    ({ id, value, says }) => `| \`${id}\` | ${says} | ${value.toFixed(4)} | ${BARS[id] ?? ''} |`,
  );
  const files = FILES.map((file) => `| ${file} | \`${sha256(join(directory, file))}\` |`);
  return `# How well screening finds and how seldom it errs

Written by \`bun scripts/screening-quality.ts --write\` from published lists and labelled names; the same figures
are printed by \`bun run bench screening\`. By name only, at the one threshold that screens in production
(${screeningConfigDefault.threshold}); algorithm \`${screeningAlgorithm}\`, configuration
\`${screeningConfigHash(screeningConfigDefault)}\`.

| id | what | measured | bar |
|---|---|---|---|
${rows.join('\n')}

The names with a slip and the recombined names are made with a fixed seed and were not looked at while tuning:
letters swapped, dropped and doubled, words joined, reordered and left out; a first word of one person on no list
with the last word of another. What is alerted of the latter may be a true namesake of somebody listed.

## Labelled pairs by category

| category | rows | right | wrong matches | missed matches |
|---|---|---|---|---|
${categories(lists).join('\n')}

## What it does not find

- A name in Han characters is read as Mandarin and compared by sound; Japanese and Cantonese readings are not tried.
- A foreign name transcribed into Chinese syllables is not read back.
- A single slip in the first letter of a short surname is another surname.
- A Latin name in look-alikes of scripts other than Cyrillic, Greek and Armenian is read by its sound alone.
- Two people of one name are told apart by birth date, country, gender or document only where both sides have them.

## Data

${lists.ofac.length + lists.un.length + lists.uk.length} entries of OFAC, UN and UK.

| file | SHA-256 |
|---|---|
${files.join('\n')}

`;
}

function categories({ pairs }: PublishedLists): string[] {
  const wrong = new Map(
    measurePairs(pairs, screeningConfigDefault).wrong.map((pair) => [`${pair.left}\n${pair.right}`, pair]),
  );
  return [...Map.groupBy(pairs, ({ category }) => category)]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([category, rows]) => {
      const errors = rows.filter(({ left, right }) => wrong.has(`${left}\n${right}`));
      const missed = errors.filter(({ label }) => label === 'match').length;
      const right = rows.length - errors.length;
      return `| ${category === '' ? 'not said' : category} | ${rows.length} | ${right} | ${errors.length - missed} | ${missed} |`;
    });
}

/** Measured by the benchmark in a process of its own, on this machine. */
function speedPage(): string {
  const bench = Bun.spawnSync(
    [
      process.execPath,
      join(import.meta.dir, 'bench-screening.ts'),
      '--quick',
      ...process.argv.slice(2).filter(isData),
    ],
    { stdout: 'pipe', stderr: 'inherit' },
  );
  const last = bench.stdout.toString().trim().split('\n').at(-1) ?? '{}';
  const { measures = [] } = JSON.parse(last) as { measures?: readonly Measure[] };
  const rows = measures
    .filter(({ unit }) => unit !== 'ratio')
    .map(({ id, ours, unit }) => `| \`${id}\` | ${ours} | ${unit} |`);
  const [cpu] = cpus();
  return `${SPEED}

On ${cpus().length} × ${cpu?.model.trim() ?? 'unknown'} against OFAC, UN and UK together. \`p50_ms\` is of names whose words
were seen before, as in daily re-screening; \`p50_unseen_ms\` and \`batch_unseen_per_s\` are of names never seen.

| id | measured | unit |
|---|---|---|
${rows.join('\n')}
`;
}

type Measure = { readonly id: string; readonly ours: number; readonly unit: string };

function isData(option: string, place: number, all: readonly string[]): boolean {
  return option.startsWith('--data') || all[place - 1] === '--data';
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
