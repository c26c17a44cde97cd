import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import postgres from 'postgres';
import { newId } from '../../kernel/id.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import type { Mail } from '../../platform/mail/mailer.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { ledgerChecks } from './checks.ts';
import { rebuild, rebuildWallets } from './rebuild.ts';
import { reconcile } from './reconcile.ts';
import { type LedgerTable, startLedgerTable } from './testing/ledger-table.ts';

let base: Foundation;
let ledger: LedgerTable;

beforeAll(async () => {
  base = await startFoundation(import.meta.file, []);
  ledger = await startLedgerTable(base.system);
  const lines = Array.from(
    { length: 40 },
    (_, place) => `post  deposit  p${place % 7}.USD  +${place + 1}.01  bank.USD  -${place + 1}.01`,
  );
  await ledger.run(lines.join('\n'));
});

afterAll(() => base.close());

const small = { walletsAStep: 3, entriesAFetch: 4 };

/** Damages the books behind every guard, looks, and mends them. */
async function damaged<Found>(damage: string, mend: string, look: () => Promise<Found>): Promise<Found> {
  const owner = postgres({ ...base.database.owner, max: 1, onnotice: () => {} });
  const behind = async (change: string) => {
    for (const table of ['wallets', 'ledger_entries']) {
      await owner.unsafe(`alter table ${table} no force row level security`);
      await owner.unsafe(`alter table ${table} disable trigger user`);
    }
    await owner.unsafe(change);
    for (const table of ['wallets', 'ledger_entries']) {
      await owner.unsafe(`alter table ${table} enable trigger user`);
      await owner.unsafe(`alter table ${table} force row level security`);
    }
  };
  try {
    await behind(damage);
    return await look();
  } finally {
    await behind(mend);
    await owner.end();
  }
}

describe('rebuilding', () => {
  test('finds nothing in whole books, in steps of any size', async () => {
    const whole = await rebuildWallets(base.deps.db.engine);
    expect(whole).toEqual({ wallets: 8, entries: 80, breakCount: 0, breaks: [] });
    expect(await rebuildWallets(base.deps.db.engine, small)).toEqual(whole);
    expect(await rebuildWallets(base.deps.db.engine, { walletsAStep: 4, entriesAFetch: 5 })).toEqual(whole);
  });

  const BANK = `(select id from wallets where house_role = 'client_money_bank')`;
  const LAST = `wallet_id = ${BANK} and wallet_version = 40`;

  test.each([
    [
      'a total',
      `update wallets set total = total + 1 where id = ${BANK}`,
      `update wallets set total = total - 1 where id = ${BANK}`,
      'rebuilt it holds',
    ],
    [
      'a total that is no number',
      `update wallets set total = 'NaN' where id = ${BANK}`,
      `update wallets set total = (select sum(amount) from ledger_entries where wallet_id = ${BANK}) where id = ${BANK}`,
      'holds NaN, rebuilt it holds',
    ],
    [
      'an entry that is no number',
      `update ledger_entries set amount = 'NaN' where ${LAST}`,
      `update ledger_entries e set amount = e.balance_after - (select balance_after from ledger_entries b
        where b.wallet_id = e.wallet_id and b.wallet_version = 39) where ${LAST}`,
      'moves what is no number',
    ],
    [
      'a version',
      `update wallets set version = 41 where id = ${BANK}`,
      `update wallets set version = 40 where id = ${BANK}`,
      'is at version 41',
    ],
    [
      'the last entry',
      `update wallets set last_entry_at = last_entry_at + interval '1 s' where id = ${BANK}`,
      `update wallets set last_entry_at = last_entry_at - interval '1 s' where id = ${BANK}`,
      'had its last entry',
    ],
    [
      'a balance after',
      `update ledger_entries set balance_after = balance_after + 1 where ${LAST}`,
      `update ledger_entries set balance_after = balance_after - 1 where ${LAST}`,
      'the entries add up to',
    ],
    [
      'an amount',
      `update ledger_entries set amount = amount + 1 where ${LAST}`,
      `update ledger_entries set amount = amount - 1 where ${LAST}`,
      'rebuilt it holds',
    ],
    [
      'a number',
      `update ledger_entries set wallet_version = 50 where ${LAST}`,
      `update ledger_entries set wallet_version = 40 where wallet_id = ${BANK} and wallet_version = 50`,
      'is number 50',
    ],
    [
      'an orphan',
      `update ledger_entries set wallet_id = '00000000-0000-7000-8000-000000000001' where ${LAST}`,
      `update ledger_entries set wallet_id = ${BANK} where wallet_id = '00000000-0000-7000-8000-000000000001'`,
      'which is not there',
    ],
    [
      'an orphan behind all wallets',
      `update ledger_entries set wallet_id = 'ffffffff-0000-7000-8000-000000000001' where ${LAST}`,
      `update ledger_entries set wallet_id = ${BANK} where wallet_id = 'ffffffff-0000-7000-8000-000000000001'`,
      'which is not there',
    ],
  ])('finds a planted fault in %s', async (_what, damage, mend, says) => {
    const report = await damaged(damage, mend, () => rebuildWallets(base.deps.db.engine, small));
    expect(report.breakCount).toBeGreaterThan(0);
    expect(report.breaks.map(({ detail }) => detail).join('\n')).toContain(says);
    expect((await rebuildWallets(base.deps.db.engine)).breakCount).toBe(0);
  });

  test.each(['reconcile', 'rebuild'] as const)(
    'calls somebody at once where %s finds a break',
    async (way) => {
      const mails: Mail[] = [];
      const mail = { ...base.deps.mail, send: (sent: Mail) => void mails.push(sent) };
      const deps = { ...base.deps, alarmEmails: ['duty@example.mu'], mail };
      const ctx = { ...base.system, deps, requestId: newId() };
      const look = (): Promise<{ readonly breakCount: number }> =>
        way === 'rebuild' ? rebuild(ctx) : reconcile(ctx, ledgerChecks);
      await damaged(
        `update wallets set total = total + 1 where id = ${BANK}`,
        `update wallets set total = total - 1 where id = ${BANK}`,
        look,
      );
      expect(mails.map(({ subject }) => subject)).toEqual(['Plimsoll alarm: reconciliation.broken']);
      const told = await base.deps.db.engine
        .select()
        .from(auditLogs)
        .where(eq(auditLogs.requestId, ctx.requestId));
      expect(told.map(({ eventType, severity }) => [eventType, severity])).toEqual([
        ['reconciliation.broken', 'critical'],
      ]);
      expect((await look()).breakCount).toBe(0);
      expect(mails.length).toBe(1);
    },
  );

  test('by a login that is shown nothing is a break', async () => {
    const blind = await rebuildWallets(base.deps.db.app).catch((error: unknown) => error);
    expect(blind instanceof Error || (blind as { breakCount: number }).breakCount > 0).toBe(true);
  });
});
