/** Refunds that were given up: what keeps their customer's relationship open, and what ends that. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { and, desc, eq } from 'drizzle-orm';
import { parseAmount } from '../../../kernel/amount.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { transact } from '../../../platform/db/transact.ts';
import { type FundingDesk, HOLDER, type Person, startFundingDesk } from '../../../testing/funding-desk.ts';
import { houseWallet, postJournals } from '../../ledger/index.ts';
import { wallets } from '../../ledger/schema.ts';
import { fundingObstacles } from '../closing-obstacles.ts';
import { GIVEN_UP_REFERENCE } from '../settings.ts';
import { camt053, nextOpening, type SampleEntry } from '../testing/camt-sample.ts';
import { repayments } from '../work/schema.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const REASON = { reason: 'Looked at it' };

type Answer = { readonly status: number; readonly body: { readonly code?: string } };

const code = ({ status, body }: Answer) => body.code ?? status;

function vote(asked: { body: { approval: { id: string } } }) {
  const path = `/v1/approvals/${asked.body.approval.id}/approve`;
  return desk.request(desk.compliance, 'POST', path, { body: REASON });
}

async function imported(...entries: readonly SampleEntry[]): Promise<void> {
  const answer = await desk.importFile(camt053({ entries, opening: await nextOpening(desk.deps) }));
  expect(answer.status).toBe(201);
}

/** A deposit of the bank that two people refunded. */
async function refunded(amount: string, known?: Person) {
  const person = known ?? (await desk.newCustomer());
  const body = { accountId: person.accountId, asset: 'USD', amount, method: 'bank_transfer' };
  const deposit = (await desk.request(person, 'POST', '/v1/deposits', { body, key: newId() })).body;
  const bank = { iban: 'DE89370400440532013000', bic: 'COBADEFF' };
  await imported({ amount, reference: deposit.paymentReference, name: HOLDER, ...bank });
  const path = `/v1/deposits/${deposit.id}/refund`;
  expect(code(await vote(await desk.request(desk.operations, 'POST', path, { body: REASON })))).toBe(200);
  const [row] = await desk.deps.db.engine
    .select()
    .from(repayments)
    .where(eq(repayments.depositId, deposit.id))
    .orderBy(desc(repayments.id));
  const { paymentReference: reference } = deposit;
  return { id: row?.id as Id, person, reference };
}

test('a refund that left suspense past its customer’s wallet keeps nothing open, and its money that comes back does', async () => {
  const [paid, owed, left] = [await refunded('43'), await refunded('44'), await refunded('5')];
  const obstacles = ({ person }: typeof paid) =>
    transact(desk.system, 'engine', async (tx) =>
      (await fundingObstacles(tx, person.userId)).map((obstacle) => obstacle.code),
    );
  for (const { id } of [paid, owed, left]) {
    const path = `/v1/repayments/${id}/give-up`;
    const asked = await desk.request(desk.operations, 'POST', path, { body: REASON });
    expect(code(await vote(asked))).toBe(200);
  }
  const suspense = { role: 'suspense', reference: GIVEN_UP_REFERENCE, asset: 'USD' };
  const byHand = async (amount: string, to: object, more: object = {}) => {
    const entries = [
      { house: suspense, amount: `-${amount}` },
      { ...to, amount },
    ];
    const body = { kind: 'adjustment', description: 'Out of suspense', entries, ...REASON, ...more };
    const asked = await desk.request(desk.operations, 'POST', '/v1/journals', { body, key: newId() });
    expect([asked.body.code, code(await vote(asked))]).toEqual([undefined, 200]);
    return asked.body.approval.subjectId as string;
  };
  const bank = { house: { role: 'client_money_bank', reference: 'main', asset: 'USD' } };
  // Who pays it at the bank says whose it was.
  expect(await obstacles(paid)).toEqual(['repayments_pending']);
  const path = `/v1/journals/${await byHand('43', bank, { repaymentId: paid.id })}/reverse`;
  expect(await obstacles(paid)).toEqual([]);
  expect(code(await vote(await desk.request(desk.operations, 'POST', path, { body: REASON })))).toBe(200);
  expect(await obstacles(paid)).toEqual(['repayments_pending']);
  await byHand('43', bank, { repaymentId: paid.id });
  expect(await obstacles(paid)).toEqual([]);
  const debt = await transact(desk.system, 'engine', async (tx) => {
    const at = { book: 'live', asset: 'USD' } as const;
    const debtor = { role: 'receivable', reference: owed.person.userId, ...at } as const;
    const { id } = await houseWallet(tx, desk.system, debtor);
    const other = await houseWallet(tx, desk.system, { role: 'suspense', reference: 'differences', ...at });
    const entries = [
      { walletId: id, amount: parseAmount('-44') },
      { walletId: other.id, amount: parseAmount('44') },
    ];
    const posting = {
      book: 'live',
      kind: 'adjustment',
      referenceType: 'test',
      referenceId: newId(),
    } as const;
    await postJournals(tx, desk.system, [{ ...posting, description: 'A debt', entries }]);
    return { walletId: id };
  });
  expect(await obstacles(owed)).toEqual(['debts_open', 'repayments_pending']);
  await byHand('44', debt);
  expect(await obstacles(owed)).toEqual([]);
  expect(await obstacles(left)).toEqual(['repayments_pending']);
  const [sent] = await desk.deps.db.engine.select().from(repayments).where(eq(repayments.id, paid.id));
  await imported({ amount: '43', endToEndId: sent?.payoutReference ?? '' });
  expect(await obstacles(paid)).toEqual(['receipts_open']);
});

test('a journal that names one refund ends no other with it', async () => {
  const one = await refunded('33');
  const two = await refunded('34', one.person);
  for (const { id } of [one, two]) {
    const asked = await desk.request(desk.operations, 'POST', `/v1/repayments/${id}/give-up`, {
      body: REASON,
    });
    expect(code(await vote(asked))).toBe(200);
  }
  const obstacles = () =>
    transact(desk.system, 'engine', async (tx) =>
      (await fundingObstacles(tx, one.person.userId)).map((obstacle) => obstacle.code),
    );
  const pay = async (amount: string, repaymentId: string) => {
    const entries = [
      { house: { role: 'suspense', reference: GIVEN_UP_REFERENCE, asset: 'USD' }, amount: `-${amount}` },
      { house: { role: 'client_money_bank', reference: 'main', asset: 'USD' }, amount },
    ];
    const body = { kind: 'adjustment', description: 'Paid', entries, repaymentId, ...REASON };
    const asked = await desk.request(desk.operations, 'POST', '/v1/journals', { body, key: newId() });
    expect(code(await vote(asked))).toBe(200);
    return `/v1/journals/${asked.body.approval.subjectId}/reverse`;
  };
  // Something else has to lie there, which is not theirs.
  const other = await refunded('35');
  const path = `/v1/repayments/${other.id}/give-up`;
  expect(code(await vote(await desk.request(desk.operations, 'POST', path, { body: REASON })))).toBe(200);
  const reverse = await pay('67', one.id);
  expect(await obstacles()).toEqual(['repayments_pending']);
  expect(code(await vote(await desk.request(desk.operations, 'POST', reverse, { body: REASON })))).toBe(200);
  await pay('33', one.id);
  expect(await obstacles()).toEqual(['repayments_pending']);
  await pay('34', two.id);
  expect(await obstacles()).toEqual([]);
});

test('of a journal that pays several refunds out of suspense each counts with what reached its customer', async () => {
  const [one, two] = [await refunded('31'), await refunded('32')];
  for (const { id } of [one, two]) {
    const asked = await desk.request(desk.operations, 'POST', `/v1/repayments/${id}/give-up`, {
      body: REASON,
    });
    expect(code(await vote(asked))).toBe(200);
  }
  const obstacles = ({ person }: typeof one) =>
    transact(desk.system, 'engine', async (tx) =>
      (await fundingObstacles(tx, person.userId)).map((obstacle) => obstacle.code),
    );
  const walletOf = async ({ person }: typeof one) => {
    const own = and(eq(wallets.accountId, person.accountId), eq(wallets.asset, 'USD'));
    const [wallet] = await desk.deps.db.engine.select({ id: wallets.id }).from(wallets).where(own);
    return wallet?.id as Id;
  };
  const post = async (legs: readonly (readonly [Id, string])[], more: object = {}) => {
    const entries = [
      { house: { role: 'suspense', reference: GIVEN_UP_REFERENCE, asset: 'USD' }, amount: '-32' },
      ...legs.map(([walletId, amount]) => ({ walletId, amount })),
    ];
    const body = { kind: 'adjustment', description: 'Out of suspense', entries, ...REASON, ...more };
    return desk.request(desk.operations, 'POST', '/v1/journals', { body, key: newId() });
  };
  const [first, second] = [await walletOf(one), await walletOf(two)];
  const split = await post([
    [first, '1'],
    [second, '31'],
  ]);
  expect(code(await vote(split))).toBe(200);
  expect([await obstacles(one), await obstacles(two)]).toEqual([
    ['repayments_pending'],
    ['repayments_pending'],
  ]);
  const rest = await post([
    [first, '31'],
    [second, '1'],
  ]);
  expect(code(await vote(rest))).toBe(200);
  expect([await obstacles(one), await obstacles(two)]).toEqual([[], []]);
  const back = await desk.request(
    desk.operations,
    'POST',
    `/v1/journals/${rest.body.approval.subjectId}/reverse`,
    {
      body: REASON,
    },
  );
  expect(code(await vote(back))).toBe(200);
  expect([await obstacles(one), await obstacles(two)]).toEqual([
    ['repayments_pending'],
    ['repayments_pending'],
  ]);
  expect(
    code(
      await vote(
        await post([
          [first, '31'],
          [second, '1'],
        ]),
      ),
    ),
  ).toBe(200);
});

test('a journal names no refund but one that was given up and left its money where it takes it', async () => {
  const [gone, waiting] = [await refunded('21'), await refunded('22')];
  const asked = await desk.request(desk.operations, 'POST', `/v1/repayments/${gone.id}/give-up`, {
    body: REASON,
  });
  expect(code(await vote(asked))).toBe(200);
  const pay = (reference: string, repaymentId: string) => {
    const entries = [
      { house: { role: 'suspense', reference, asset: 'USD' }, amount: '-1' },
      { house: { role: 'client_money_bank', reference: 'main', asset: 'USD' }, amount: '1' },
    ];
    const body = { kind: 'adjustment', description: 'Paid', entries, repaymentId, ...REASON };
    return desk.request(desk.operations, 'POST', '/v1/journals', { body, key: newId() });
  };
  for (const [reference, id] of [
    [GIVEN_UP_REFERENCE, newId()],
    [GIVEN_UP_REFERENCE, waiting.id],
    ['differences', gone.id],
  ] as const) {
    expect(code(await pay(reference, id))).toBe('journal_misfit');
  }
  const own = {
    ...gone.person,
    actor: { ...gone.person.actor, kind: 'staff', roles: ['operations', 'customer'] },
  };
  const entries = [
    { house: { role: 'suspense', reference: GIVEN_UP_REFERENCE, asset: 'USD' }, amount: '-21' },
    { house: { role: 'client_money_bank', reference: 'main', asset: 'USD' }, amount: '21' },
  ];
  const body = { kind: 'adjustment', description: 'Paid', entries, repaymentId: gone.id, ...REASON };
  const self = await desk.request(own as Person, 'POST', '/v1/journals', { body, key: newId() });
  expect(code(self)).toBe('self_action');
  expect(
    code(await vote(await desk.request(desk.operations, 'POST', '/v1/journals', { body, key: newId() }))),
  ).toBe(200);
});

test('a refund that was given up, and a receipt in their name, keep the relationship open until they are booked', async () => {
  const { id, person, reference } = await refunded('86');
  const obstacles = () =>
    transact(desk.system, 'engine', async (tx) =>
      (await fundingObstacles(tx, person.userId)).map((obstacle) => obstacle.code),
    );
  expect(await obstacles()).toEqual(['repayments_pending']);
  const path = `/v1/repayments/${id}/give-up`;
  expect(code(await vote(await desk.request(desk.operations, 'POST', path, { body: REASON })))).toBe(200);
  expect(await obstacles()).toEqual(['repayments_pending']);
  // What lies in suspense is booked to them.
  await transact(desk.system, 'engine', async (tx) => {
    const at = { role: 'suspense', reference: GIVEN_UP_REFERENCE, book: 'live', asset: 'USD' } as const;
    const held = await houseWallet(tx, desk.system, at);
    const [own] = await tx
      .select({ id: wallets.id })
      .from(wallets)
      .where(and(eq(wallets.accountId, person.accountId), eq(wallets.asset, 'USD')));
    const posting = {
      book: 'live',
      kind: 'adjustment',
      referenceType: 'test',
      referenceId: newId(),
    } as const;
    const entries = [
      { walletId: held.id, amount: parseAmount('-86') },
      { walletId: own?.id as Id, amount: parseAmount('86') },
    ];
    await postJournals(tx, desk.system, [{ ...posting, description: 'Out of suspense', entries }]);
  });
  expect(await obstacles()).toEqual([]);
  await imported({ amount: '5', reference, name: HOLDER });
  expect(await obstacles()).toEqual(['receipts_open']);
});
