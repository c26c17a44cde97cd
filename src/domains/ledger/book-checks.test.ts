import { afterAll, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import type { SQL } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import postgres from 'postgres';
import { present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import { type FundingDesk, startFundingDesk } from '../../testing/funding-desk.ts';
import { bookChecks } from './book-checks.ts';
import { ledgerDomain } from './index.ts';
import { wallets } from './schema.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
  const customer = await desk.newCustomer();
  await desk.fund(customer, 'USD', '100');
  const rows = await desk.deps.db.engine.select().from(wallets);
  const walletId = present(
    rows.find((row) => row.accountId === customer.accountId),
    'the wallet was made',
  ).id;
  const house = (role: string) => ({ role, reference: 'main', asset: 'USD' });
  const charged = await post('fee', [
    { walletId, amount: '-9' },
    { house: house('fees_earned'), amount: '9' },
  ]);
  const again = await post('fee', [
    { walletId, amount: '-1' },
    { house: house('fees_earned'), amount: '1' },
  ]);
  expect(charged).not.toBe(again);
  const { body } = await desk.request(desk.operations, 'POST', `/v1/journals/${again}/reverse`, {
    body: { reason: 'Posted in error' },
  });
  await agree(body.approval.id);
  const swept = await desk.request(desk.operations, 'POST', '/v1/fee-sweeps', {
    body: { asset: 'USD', amount: '2', reason: 'Fees of a test' },
    key: newId(),
  });
  await agree(swept.body.approval.id);
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

async function agree(approvalId: string): Promise<void> {
  const path = `/v1/approvals/${approvalId}/approve`;
  expect((await desk.request(desk.operations2, 'POST', path, { body: { reason: 'Seen' } })).status).toBe(200);
}

async function post(kind: string, entries: readonly object[]): Promise<string> {
  const { body } = await desk.request(desk.operations, 'POST', '/v1/journals', {
    body: { kind, entries, description: 'A posting of a test', reason: 'A test asks' },
    key: newId(),
  });
  await agree(body.approval.id);
  return body.approval.subjectId;
}

const roleOf = (role: string) => `(select id from wallets where house_role = '${role}' limit 1)`;

const PLANTS: readonly (readonly [string, string])[] = [
  ['ledger.journals_fit_their_kind', `update ledger_entries set kind = 'withdrawal' where kind = 'deposit'`],
  [
    'ledger.journals_fit_their_kind',
    `update ledger_entries set wallet_id = ${roleOf('firm_money')} where wallet_id = ${roleOf('client_money_bank')} and kind = 'deposit'`,
  ],
  [
    'ledger.firm_money_stands_apart',
    `update ledger_entries set wallet_id = ${roleOf('fees_earned')} where wallet_id = ${roleOf('firm_money')}`,
  ],
  ['ledger.house_keeps_its_side', `update wallets set total = -1 where house_role = 'fees_earned'`],
  ['ledger.reversals_undo_once', `delete from journal_reversals`],
  ['ledger.reversals_undo_once', `update journals set reverses_id = null where reverses_id is not null`],
  [
    'ledger.reversals_undo_once',
    `update ledger_entries set amount = amount * 2 where kind = 'reversal' and amount > 0`,
  ],
  ['ledger.postings_by_hand_were_agreed', `update journals set approval_id = null where kind = 'fee'`],
  [
    'ledger.postings_by_hand_were_agreed',
    `update journals set approval_id = (select approval_id from journals where kind = 'transfer' limit 1) where kind = 'fee'`,
  ],
  ...['fee_sweep', 'journal'].flatMap((posted) => [
    [
      'ledger.postings_by_hand_were_agreed',
      `update journals set approval_id = (select approval_id from journals where kind = 'fee' limit 1) where reference_type = '${posted}'`,
    ] as const,
    [
      'ledger.postings_by_hand_were_agreed',
      `update journals set approval_id = null where reference_type = '${posted}'`,
    ] as const,
  ]),
  ...['approval', 'fee_sweep', 'journal'].map(
    (posted) =>
      [
        'ledger.postings_by_hand_were_agreed',
        `update ledger_entries set amount = amount * 2 where reference_type = '${posted}'`,
      ] as const,
  ),
  [
    'ledger.debts_stand_alone',
    `update wallets set house_role = 'receivable', house_reference = '${newId()}', total = 0 where house_role = 'fees_earned'`,
  ],
];

test.each(PLANTS)('reconcile finds a planted break: %s', async (name, plant) => {
  const check = present(
    bookChecks.find((candidate) => candidate.name === name),
    'the check exists',
  );
  const owner = postgres({ ...desk.database.owner, max: 1, onnotice: () => {} });
  const dialect = new PgDialect();
  const found: number[] = [];
  class RollBack extends Error {}
  const rolledBack = await owner
    .begin(async (tx) => {
      for (const table of ['wallets', 'journals', 'ledger_entries', 'journal_reversals', 'approvals']) {
        await tx.unsafe(`alter table ${table} no force row level security`);
        await tx.unsafe(`alter table ${table} disable trigger user`);
      }
      const run = async () => {
        const execute = async (query: SQL) => {
          const { sql: text, params } = dialect.sqlToQuery(query);
          return tx.unsafe(text, params as never[]);
        };
        const { breaks, seen } = await check.run({ execute } as unknown as Tx);
        expect(seen).toBeGreaterThan(0);
        found.push(breaks.length);
      };
      await run();
      await tx.unsafe(plant);
      await run();
      throw new RollBack();
    })
    .catch((error: unknown) => error);
  await owner.end();
  expect(rolledBack).toBeInstanceOf(RollBack);
  expect(found[0]).toBe(0);
  expect(found[1]).toBeGreaterThan(0);
});

test('the runbook says what each check of the ledger means', async () => {
  const runbook = await Bun.file(join(import.meta.dir, '../../../docs/runbooks/reconcile-break.md')).text();
  const named = new Set(runbook.match(/(?<=`)ledger\.[a-z_]+(?=`)/g));
  expect(named).toEqual(
    new Set(['ledger.everything_is_visible', ...ledgerDomain.checks.map(({ name }) => name)]),
  );
});

test('every check of the books has a break that shows it', () => {
  expect(new Set(PLANTS.map(([name]) => name))).toEqual(new Set(bookChecks.map(({ name }) => name)));
});
