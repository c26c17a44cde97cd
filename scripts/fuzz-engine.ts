/**
 * `bun run bench fuzz [--sequences N] [--from SEED]`: the matching engine against its reference model
 * on random command sequences, 100,000 unless said otherwise, each with a restart of the engine in it,
 * and as many with orders that a venue executes.
 * Exit 1, with the shortest log of the first disagreement, where there is one.
 */
import { parseArgs } from 'node:util';
import { firstAwayDisagreement } from '../src/testing/engine-model/away.ts';
import { firstDisagreement, jsonOf, shorten } from '../src/testing/engine-model/compare.ts';
import { randomCommands } from '../src/testing/engine-model/random-commands.ts';
import { endAsWrongUse, reasonOfFlags } from './wrong-use.ts';

const USAGE = 'Usage: bun run bench fuzz [--sequences N] [--from SEED]\n';
const LENGTH = 40;
const PROGRESS_EVERY = 10_000;

const { sequences, from } = flags();
const seen = new Map<string, number>();
const started = performance.now();
for (let seed = from; seed < from + sequences; seed += 1) {
  const commands = randomCommands(seed, LENGTH);
  const restartAt = seed % LENGTH;
  const disagreement = firstDisagreement(commands, restartAt, seen);
  if (disagreement !== null) {
    const shortest = shorten(commands, restartAt);
    process.stdout.write(`seed ${seed}: ${disagreement}\n${jsonOf(shortest)}\n`);
    process.exit(1);
  }
  const away = firstAwayDisagreement(seed);
  if (away !== null) {
    process.stdout.write(`seed ${seed}, orders at a venue: ${away}\n`);
    process.exit(1);
  }
  const done = seed - from + 1;
  if (done % PROGRESS_EVERY === 0) {
    process.stderr.write(`${done} of ${sequences} sequences, ${seconds()} s\n`);
  }
}
for (const [outcome, count] of [...seen].sort(([left], [right]) => (left < right ? -1 : 1))) {
  process.stdout.write(`${outcome.padEnd(36)}${String(count).padStart(10)}\n`);
}
process.stdout.write(`engine and model agree on ${sequences} sequences of ${LENGTH}, ${seconds()} s\n`);

function seconds(): string {
  return ((performance.now() - started) / 1_000).toFixed(1);
}

function flags(): { readonly sequences: number; readonly from: number } {
  try {
    const { values } = parseArgs({ options: { sequences: { type: 'string' }, from: { type: 'string' } } });
    const read = { sequences: Number(values.sequences ?? '100000'), from: Number(values.from ?? '1') };
    if (Number.isSafeInteger(read.sequences) && Number.isSafeInteger(read.from) && read.sequences > 0) {
      return read;
    }
    return endAsWrongUse('bench fuzz', 'sequences and seeds are whole numbers', USAGE);
  } catch (error) {
    return endAsWrongUse('bench fuzz', reasonOfFlags(error), USAGE);
  }
}
