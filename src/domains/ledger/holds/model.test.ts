/**
 * Whatever order verbs and the job come in, and from however many connections: what a wallet reserves is what
 * its active holds remain at, no hold gives or frees more than it took, and no money is lost.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { inArray } from 'drizzle-orm';
import fc from 'fast-check';
import { type Amount, amountOf, formatAmount, parseAmount } from '../../../kernel/amount.ts';
import { DomainError } from '../../../kernel/error.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { type Foundation, startFoundation } from '../../../testing/foundation.ts';
import { ledgerChecks } from '../checks.ts';
import { expireHolds } from '../expire-holds.ts';
import { captureHold, createHold, releaseHold } from '../holds.ts';
import { postJournals } from '../post-journals.ts';
import { reconcile } from '../reconcile.ts';
import { lockSpendable } from '../release-expired.ts';
import { holds, wallets } from '../schema.ts';
import { type LedgerTable, startLedgerTable } from '../testing/ledger-table.ts';

const WALLETS = 3;
const CONNECTIONS = 6;

let base: Foundation;
let ledger: LedgerTable;

beforeAll(async () => {
  base = await startFoundation(import.meta.file, []);
  ledger = await startLedgerTable(base.system);
});

afterAll(() => base.close());

const step = fc.record({
  verb: fc.constantFrom('hold', 'hold', 'hold', 'capture', 'capture', 'release', 'spend', 'expire', 'wait'),
  wallet: fc.nat(WALLETS - 1),
  cents: fc.integer({ min: 1, max: 6_000 }),
  pick: fc.nat(1_000),
  ends: fc.boolean(),
});

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

type Run = { readonly walletIds: readonly Id[]; readonly bankId: Id; readonly made: Id[]; spent: bigint };

test('random holds, captures, releases, spending and expiry leave every reservation explained', async () => {
  let round = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 60 }), async (steps) => {
      round += 1;
      const run = await begin(round);
      const queue = [...steps];
      const connection = async () => {
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
          await take(run, next);
        }
      };
      await Promise.all(Array.from({ length: CONNECTIONS }, connection));
      await explain(run);
    }),
    // A failing run is one of many interleavings: shrinking would look for another.
    { numRuns: 8, endOnFailure: true },
  );
  const report = await reconcile(base.system, ledgerChecks);
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
}, 120_000);

async function begin(round: number): Promise<Run> {
  const walletIds: Id[] = [];
  for (let index = 0; index < WALLETS; index += 1) {
    await ledger.run(`post  deposit  p${round}x${index}.USD  +100  bank.USD  -100`);
    walletIds.push((await ledger.wallet(`p${round}x${index}.USD`)).id);
  }
  return { walletIds, bankId: (await ledger.wallet('bank.USD')).id, made: [], spent: 0n };
}

/** Refusals are answers; anything else fails the run. */
async function take(run: Run, wanted: Step): Promise<void> {
  try {
    await VERBS[wanted.verb](run, wanted);
  } catch (error) {
    if (!(error instanceof DomainError)) {
      throw error;
    }
  }
}

const VERBS: Readonly<Record<Step['verb'], (run: Run, wanted: Step) => Promise<void>>> = {
  hold: async (run, wanted) => {
    const made = await inTransaction((tx) =>
      createHold(tx, base.system, {
        walletId: run.walletIds[wanted.wallet] ?? '',
        amount: centsOf(wanted.cents),
        reason: 'payment',
        referenceType: 'test',
        referenceId: newId(),
        expiresAt: wanted.ends ? addMs(base.deps.clock.now(), 60_000) : undefined,
      }),
    );
    run.made.push(made.id);
  },
  capture: async (run, { pick, cents }) => {
    const id = run.made[pick % Math.max(1, run.made.length)];
    if (id !== undefined) {
      const taken = await inTransaction((tx) => captureUpTo(tx, run, id, centsOf(cents)));
      run.spent += taken;
    }
  },
  release: async (run, { pick }) => {
    const id = run.made[pick % Math.max(1, run.made.length)];
    if (id !== undefined) {
      await inTransaction((tx) => releaseHold(tx, base.system, id));
    }
  },
  spend: async (run, { wallet, cents }) => {
    const walletId = run.walletIds[wallet] ?? '';
    const amount = centsOf(cents);
    await inTransaction(async (tx) => {
      await lockSpendable(tx, base.system, [walletId, run.bankId]);
      await pay(tx, run, walletId, amount);
    });
    run.spent += amount;
  },
  expire: async () => {
    await expireHolds(base.system);
  },
  wait: async () => base.advance(45_000),
};

/** As the verbs do: wallets locked in order, the hold read under the lock, then the journal. */
async function captureUpTo(tx: Tx, run: Run, id: Id, wanted: Amount): Promise<bigint> {
  const [known] = await tx
    .select()
    .from(holds)
    .where(inArray(holds.id, [id]));
  const walletId = known?.walletId ?? '';
  await lockSpendable(tx, base.system, [walletId, run.bankId]);
  const [hold] = await tx
    .select()
    .from(holds)
    .where(inArray(holds.id, [id]));
  if (hold?.status !== 'active') {
    return 0n;
  }
  const amount = wanted < hold.remaining ? wanted : hold.remaining;
  await captureHold(tx, base.system, id, amount);
  await pay(tx, run, walletId, amount);
  return amount;
}

async function pay(tx: Tx, run: Run, walletId: Id, amount: Amount): Promise<void> {
  await postJournals(tx, base.system, [
    {
      book: 'live',
      kind: 'withdrawal',
      referenceType: 'test',
      referenceId: newId(),
      description: 'Money left',
      entries: [
        { walletId, amount: amountOf(-amount) },
        { walletId: run.bankId, amount },
      ],
    },
  ]);
}

async function explain(run: Run): Promise<void> {
  const { engine } = base.deps.db;
  const rows = await engine
    .select()
    .from(holds)
    .where(inArray(holds.walletId, [...run.walletIds]));
  const kept = await engine
    .select()
    .from(wallets)
    .where(inArray(wallets.id, [...run.walletIds]));
  expect(rows.map(({ id }) => id).toSorted()).toEqual(run.made.toSorted());
  for (const wallet of kept) {
    const active = rows.filter(({ walletId, status }) => walletId === wallet.id && status === 'active');
    expect(wallet.reserved).toBe(amountOf(active.reduce((sum, { remaining }) => sum + remaining, 0n)));
    expect(wallet.total >= wallet.reserved).toBe(true);
  }
  const left = kept.reduce((sum, { total }) => sum + total, 0n);
  expect(formatAmount(left + run.spent)).toBe(String(100 * WALLETS));
}

function inTransaction<Result>(work: (tx: Tx) => Promise<Result>): Promise<Result> {
  return transact(base.system, 'engine', work);
}

function centsOf(cents: number): Amount {
  return parseAmount(`${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`);
}
