/**
 * The signs of the house, held against what a bank says: after each statement the client-money wallet is the
 * negative of the closing balance, whoever the money is owed to.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import { amountOf, formatAmount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import {
  bankBeneficiary,
  type FundingDesk,
  HOLDER,
  type Person,
  startFundingDesk,
} from '../../testing/funding-desk.ts';
import { wallets } from '../ledger/schema.ts';
import { bankStatements } from './evidence/schema.ts';
import { camt053, type SampleEntry } from './testing/camt-sample.ts';

let desk: FundingDesk;
let customer: Person;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
  customer = await desk.newCustomer();
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

async function imported(opening: string, entries: readonly SampleEntry[]): Promise<string> {
  const { status, body } = await desk.importFile(camt053({ opening, entries }));
  expect([status, body.code]).toEqual([201, undefined]);
  const [kept] = await desk.deps.db.engine
    .select()
    .from(bankStatements)
    .where(eq(bankStatements.id, body.id));
  return formatAmount(present(kept?.closingBalance, 'an imported statement has its closing balance'));
}

async function houseSays(): Promise<string> {
  const [bank] = await desk.deps.db.engine
    .select()
    .from(wallets)
    .where(
      and(eq(wallets.houseRole, 'client_money_bank'), eq(wallets.asset, 'USD'), eq(wallets.book, 'live')),
    );
  return formatAmount(amountOf(-present(bank, 'the wallet of the bank').total));
}

async function announce(amount: string): Promise<string> {
  const { body } = await desk.request(customer, 'POST', '/v1/deposits', {
    body: { accountId: customer.accountId, asset: 'USD', amount, method: 'bank_transfer' },
    key: newId(),
  });
  return body.paymentReference;
}

const step = (person: Person, path: string, body: object) => desk.request(person, 'POST', path, { body });

/** Pays out as people do, and says what the bank was told. */
async function paidOut(amount: string): Promise<void> {
  const beneficiary = await desk.request(customer, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
  const asked = await desk.request(customer, 'POST', '/v1/withdrawals', {
    body: { accountId: customer.accountId, asset: 'USD', amount, beneficiaryId: beneficiary.body.id },
    key: newId(),
  });
  const path = `/v1/withdrawals/${asked.body.id}`;
  await step(desk.operations, `${path}/approve`, { reason: 'Looked at it' });
  await step(desk.operations2, `${path}/process`, {});
  const done = await step(desk.operations2, `${path}/complete`, { transactionReference: 'BANK-1' });
  expect([done.status, done.body.status]).toEqual([200, 'completed']);
}

test('the bank’s wallet is the negative of the closing balance: credited, unallocated, paid out, swept', async () => {
  const reference = await announce('100.5');
  const first = await imported('0', [
    { amount: '100.50', reference, name: HOLDER },
    { amount: '40', name: 'Nobody We Know' },
  ]);
  expect([first, await houseSays()]).toEqual(['140.5', '140.5']);
  expect((await desk.balance(customer, 'USD')).total).toBe('100.5');

  await paidOut('60.25');
  const second = await imported(first, [{ amount: '60.25', direction: 'DBIT', name: HOLDER }]);
  expect([second, await houseSays()]).toEqual(['80.25', '80.25']);
  expect((await desk.balance(customer, 'USD')).total).toBe('40.25');

  await sweepFee('1.75');
  const third = await imported(second, [{ amount: '1.75', direction: 'DBIT', name: 'Plimsoll' }]);
  expect([third, await houseSays()]).toEqual(['78.5', '78.5']);
  // What is owed to the customer and to whoever sent the forty is what the bank holds.
  expect((await desk.balance(customer, 'USD')).total).toBe('38.5');
});

/** Charges a fee by hand and moves it to the firm's own account. */
async function sweepFee(amount: string): Promise<void> {
  const [own] = await desk.deps.db.engine
    .select()
    .from(wallets)
    .where(eq(wallets.accountId, customer.accountId));
  const charge = await desk.request(desk.operations, 'POST', '/v1/journals', {
    body: {
      kind: 'fee',
      description: 'Account fee',
      entries: [
        { walletId: own?.id, amount: `-${amount}` },
        { house: { role: 'fees_earned', reference: 'account', asset: 'USD' }, amount },
      ],
      reason: 'As published',
    },
    key: newId(),
  });
  await agree(charge.body.approval.id);
  const sweep = await desk.request(desk.operations, 'POST', '/v1/fee-sweeps', {
    body: { asset: 'USD', amount, feesReference: 'account', reason: 'Fees of January' },
    key: newId(),
  });
  await agree(sweep.body.approval.id);
}

async function agree(approvalId: string): Promise<void> {
  const vote = await step(desk.operations2, `/v1/approvals/${approvalId}/approve`, { reason: 'Seen' });
  expect(vote.status).toBe(200);
}
