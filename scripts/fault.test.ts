import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '../src/kernel/id.ts';
import type { Entry } from './fault/client-book.ts';
import { faultsOf, type Round, runFault } from './fault/run.ts';

const FORGED: Entry = {
  round: 3,
  what: 'withdrawal',
  wire: { method: 'POST', path: '/v1/withdrawals', as: 'provider' },
  targets: [],
  state: 'acknowledged',
  attempts: 1,
  status: 201,
  text: '',
  id: newId(),
  others: [],
};

/** A vote that was answered and moved nothing. */
const FORGED_STEP: Entry = { ...FORGED, what: 'capture', id: null, targets: [newId()] };

let dataDir: string;
let rounds: readonly Round[];

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'plimsoll-fault-'));
  const kills = ['postgres', 'session', 'server'] as const;
  const plan = { rounds: 3, seed: 1, dataDir, connections: 6, kills, tamper };
  ({ rounds } = await runFault(plan, () => {}));
}, 300_000);

afterAll(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

/** In the last round the book has promises nobody made, and lacks one that somebody did. */
function tamper(entries: readonly Entry[], round: number): readonly Entry[] {
  const kept = entries.findIndex((entry) => entry.what === 'deposit' && entry.state === 'acknowledged');
  return round === 3 ? [...entries.toSpliced(kept, 1), FORGED, FORGED_STEP] : entries;
}

test('what was answered survives a killed PostgreSQL, a killed session or a killed server, once each', () => {
  expect(rounds.map(({ kill }) => kill).toSorted()).toEqual(['postgres', 'server', 'session']);
  const [first, second] = rounds;
  for (const round of [first, second]) {
    expect(round === undefined ? ['no round'] : faultsOf(round)).toEqual([]);
    expect(round?.acknowledged).toBeGreaterThan(0);
  }
});

test('an acknowledged request that is not there, and a row nobody asked for, are found', () => {
  const faults = rounds.slice(2).flatMap(faultsOf);
  expect(faults.filter((fault) => fault.includes(FORGED.id ?? ''))).toHaveLength(1);
  expect(faults.filter((fault) => fault.includes(FORGED_STEP.targets.join()))).toHaveLength(1);
  expect(faults.filter((fault) => fault.includes('was asked for by nobody'))).toHaveLength(1);
  expect(faults).toHaveLength(3);
});
