/**
 * A late job costs nobody money: whoever asks what a wallet can spend first releases what expired holds
 * reserve of it. Shown of each verb with the job off, and of those to come by where wallets are locked.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eq } from 'drizzle-orm';
import { newId } from '../kernel/id.ts';
import { addMs } from '../kernel/time.ts';
import { auditLogs } from '../platform/db/schema.ts';
import { done, first, REASON } from './drivers/driver.ts';
import { bankBeneficiary } from './funding-desk.ts';
import type { Answer } from './send.ts';
import { type Member, startWorld, type World } from './world.ts';

const DOMAINS = join(import.meta.dir, '..', 'domains');

/** Verbs that lock wallets without asking what can be spent; each says why. May only shrink. */
const ASK_NOTHING: Readonly<Record<string, string>> = {
  'funding/book-line.ts': 'a credit; what it credits is credited by creditDeposit',
  'funding/confirm-statement.ts': 'wallets of the house, which nothing is reserved in',
  'funding/credit-deposit.ts': 'a credit; the debt it repays is repaid by repayDebt, which asks',
  'funding/explain-debit.ts': 'wallets of the house, which nothing is reserved in',
  'funding/explain-receipt.ts': 'wallets of the house, which nothing is reserved in',
  'funding/house-money.ts': 'wallets of the house, which nothing is reserved in',
  'funding/payouts/differing-payout.ts':
    'a credit, or a debt beside it; what a withdrawal reserves is taken by its own verb',
  'funding/payouts/refuse-beyond-held.ts': 'wallets of the house, which nothing is reserved in',
  'funding/provider-settlement.ts': 'wallets of the house, which nothing is reserved in',
  'funding/repayments/give-up-repayment.ts': 'wallets of the house, which nothing is reserved in',
  'funding/settle-deposits.ts': 'moves the date of settlement alone',
  'funding/settle-payout.ts': 'takes what the hold of the withdrawal reserves',
  'ledger/by-hand/sweep-fees.ts': 'wallets of the house, which nothing is reserved in',
  'ledger/expire-holds.ts': 'is the job',
  'ledger/holds.ts': 'ends a hold; what it frees or takes was reserved',
  'ledger/label-wallet.ts': 'writes references of the firm, and no balance',
  'ledger/lock-wallets.ts': 'is the lock',
  'ledger/play-money/fund-paper-account.ts': 'play money comes in; nothing is asked of what is free',
  'ledger/release-expired.ts': 'is the rule',
  'ledger/settlements/settle-obligations.ts': 'moves the date of settlement alone',
  'trading/margin/charge-funding.ts':
    'wallets of the house, and those it only waits for; what is charged is taken by lockSpendable',
  'trading/margin/mark-positions.ts': 'holds what there is; a mark comes again within the second',
  'trading/positions/set-exits.ts': 'the lock of a position; no balance is read or written',
  'trading/margin/read-exits.ts': 'asks for its status; the order it leads to takes no money',
  'trading/pipeline/record-settlement.ts': 'takes what the orders reserved',
};

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
}, 60_000);

afterAll(async () => {
  const report = await world.reconcile();
  await world.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

type Payer = { readonly as: Member; readonly walletId: string; readonly holdId: string };

/** A customer with 100 dollars of which a hold that is over reserves 90, and no job has run. */
async function payer(): Promise<Payer> {
  const as = await world.newCustomer({ USD: '100' });
  const { data } = await done(world.call('listWallets', { as, params: { id: as.accountId } }));
  const walletId = first<{ id: string }>(data).id;
  const expiresAt = addMs(world.deps.clock.now(), 30_000);
  const { id } = await done(hold(walletId, { amount: '90', expiresAt }));
  world.advance(30_001);
  return { as, walletId, holdId: id };
}

function hold(walletId: string, body: object): Promise<Answer> {
  return world.call('placeHold', {
    as: world.people.operations,
    params: { id: walletId },
    body: { reason: 'payment', reference: newId(), ...body },
  });
}

function vote(asked: Answer['body']): Promise<Answer> {
  const params = { id: asked.approval.id as string };
  return world.call('approveApproval', { as: world.second.operations, params, body: REASON });
}

/** Each spends more than the ten dollars that the hold left. */
const VERBS: Readonly<Record<string, (payer: Payer) => Promise<Answer>>> = {
  'an order': async ({ as }) => {
    const body = { accountId: as.accountId, symbol: 'BTC/USD', side: 'buy', type: 'limit' };
    const answer = await world.call('placeOrder', { as, body: { ...body, quantity: '2', limitPrice: '20' } });
    expect(answer.body.rejectionReason).toBeNull();
    return answer;
  },
  'a withdrawal': async ({ as }) => {
    const payee = { ...bankBeneficiary(), holderName: 'Anjali Ramgoolam' };
    const { id: beneficiaryId } = await done(world.call('createBeneficiary', { as, body: payee }));
    const body = { accountId: as.accountId, asset: 'USD', amount: '50', beneficiaryId };
    return world.call('createWithdrawal', { as, body });
  },
  'a transfer': async ({ as }) => {
    const other = await done(
      world.call('createAccount', { as, body: { type: 'live', baseCurrency: 'USD' } }),
    );
    const body = { fromAccountId: as.accountId, toAccountId: other.id, asset: 'USD', amount: '50' };
    return world.call('createTransfer', { as, body });
  },
  'a conversion': async ({ as }) => {
    const body = { accountId: as.accountId, fromAsset: 'USD', toAsset: 'EUR', fromAmount: '50' };
    const quote = await done(world.call('createConversionQuote', { as, body }));
    return world.call('createConversion', { as, body: { quoteId: quote.id } });
  },
  'another hold': ({ walletId }) => hold(walletId, { amount: '50' }),
  'a journal by hand': async ({ walletId }) => {
    const entries = [
      { walletId, amount: '-50' },
      { house: { role: 'fees_earned', reference: 'main', asset: 'USD' }, amount: '50' },
    ];
    const body = { kind: 'fee', description: 'A fee agreed by letter', entries, ...REASON };
    return vote(await done(world.call('requestJournal', { as: world.people.operations, body })));
  },
  'a charge-back': async ({ as }) => {
    const { data } = await done(world.call('listDeposits', { as }));
    const params = { id: first<{ id: string }>(data).id };
    const asked = world.call('chargeBackDeposit', { as: world.people.operations, params, body: REASON });
    const answer = await vote(await done(asked));
    const { data: wallets } = await done(world.call('listWallets', { as, params: { id: as.accountId } }));
    // Nothing is left owing: all of it was there to be taken.
    expect(first<{ total: string }>(wallets).total).toBe('0');
    return answer;
  },
};

describe('what an expired hold reserved is spent, while the job is off, by', () => {
  test.each(Object.keys(VERBS))('%s', async (verb) => {
    const customer = await payer();
    const answer = await VERBS[verb]?.(customer);
    expect([verb, answer?.status, answer?.body.code]).toEqual([verb, expect.any(Number), undefined]);
    expect(answer?.status).toBeLessThan(300);
    const params = { id: customer.holdId };
    const { status, remaining } = await done(world.call('getHold', { as: customer.as, params }));
    expect([status, remaining]).toEqual(['expired', '0']);
    const trail = await world.deps.db.engine
      .select()
      .from(auditLogs)
      .where(eq(auditLogs.resourceId, customer.holdId));
    const end = trail.find(({ eventType }) => eventType === 'hold.expired');
    expect([end?.actorKind, end?.actorUserId]).toEqual(['system', null]);
    await world.settle();
    const { data } = await done(world.call('listEvents', { as: customer.as, query: { limit: '200' } }));
    expect(data.map((event: { type: string }) => event.type)).toContain('ledger.hold_expired');
  });
});

test('wallets are locked together with the release of their expired holds, or for a reason that is written down', () => {
  const files = readdirSync(DOMAINS, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.includes('testing'),
  );
  const locking = files.filter((name) => {
    const text = readFileSync(join(DOMAINS, name), 'utf8');
    return /\blockWallets\(|\block(Rows?|Columns|FreeRows)\([^)]*?\bwallets\b/.test(text);
  });
  expect(files.length).toBeGreaterThan(100);
  expect(locking.toSorted()).toEqual(Object.keys(ASK_NOTHING).toSorted());
});
