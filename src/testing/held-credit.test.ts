/**
 * Credits that are there and may not leave yet: one that the monitoring holds money at is touched by nobody before
 * somebody looked; what is bought with one that can still be called back leaves no sooner than it would.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import { amlAlerts } from '../domains/aml/schema.ts';
import { customerGates } from '../domains/identity/schema.ts';
import { tradingEngine } from '../domains/trading/index.ts';
import { present } from '../kernel/assert.ts';
import type { Id } from '../kernel/id.ts';
import { decideApproval } from '../platform/approvals/decide-approval.ts';
import { transact } from '../platform/db/transact.ts';
import { done, REASON } from './drivers/driver.ts';
import { bankBeneficiary } from './funding-desk.ts';
import { type Member, startWorld, type World } from './world.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
}, 60_000);

afterAll(async () => {
  const { checks } = await world.reconcile();
  expect(checks.flatMap((check) => check.breaks)).toEqual([]);
  await world.close();
}, 60_000);

/** @shape the approval that credits a deposit just below the reference amount with one vote more */
async function asked(as: Member): Promise<Id> {
  const body = { accountId: as.accountId, asset: 'USD', amount: '9000.01', method: 'bank_transfer' };
  const { id } = await done(world.call('createDeposit', { as, body }));
  const by = world.people.operations;
  const { approval } = await done(world.call('clearDeposit', { as: by, params: { id }, body: REASON }));
  if (approval.quorum === 2) {
    const officer = world.people.compliance_officer;
    await done(world.call('approveApproval', { as: officer, params: { id: approval.id }, body: REASON }));
  }
  return approval.id;
}

async function credit(approvalId: Id) {
  const as = world.second.operations;
  return world.call('approveApproval', { as, params: { id: approvalId }, body: REASON });
}

async function payInBelow(as: Member, count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) {
    await done(credit(await asked(as)));
  }
}

async function alertsOn({ userId }: Member) {
  return world.deps.db.engine
    .select()
    .from(amlAlerts)
    .where(and(eq(amlAlerts.userId, userId), eq(amlAlerts.kind, 'monitoring')));
}

async function balanceOf(as: Member): Promise<string> {
  const { data } = await done(world.call('listWallets', { as, params: { id: as.accountId } }));
  const found = (data as { readonly asset: string; readonly total: string }[]).find(
    ({ asset }) => asset === 'USD',
  );
  return present(found, 'there is a wallet').total;
}

function buy(as: Member) {
  const terms = { symbol: 'BTC/USD', side: 'buy', type: 'limit', quantity: '0.001', limitPrice: '50000' };
  return world.call('placeOrder', { as, body: { accountId: as.accountId, ...terms } });
}

test('the credit itself shuts the gate and raises the alert, before anything of it is seen', async () => {
  const as = await world.newCustomer();
  await payInBelow(as, 4);
  const vote = { approvalId: await asked(as), vote: 'approve', reason: 'Seen' } as const;
  const by = world.second.operations.ctx;
  const seen = await transact(world.system, 'engine', async (tx) => {
    await decideApproval({ ...by, tx, login: 'engine' }, vote);
    const [gate] = await tx.select().from(customerGates).where(eq(customerGates.userId, as.userId));
    const raised = await tx
      .select()
      .from(amlAlerts)
      .where(and(eq(amlAlerts.userId, as.userId), eq(amlAlerts.effect, 'stop')));
    return { screening: gate?.screening, raised: raised.map(({ sourceRef }) => sourceRef) };
  });
  expect(seen).toEqual({ screening: 'open', raised: ['structuring'] });
});

test('an order, a conversion and a withdrawal right after it are refused in the words of any review', async () => {
  const as = await world.newCustomer();
  const payee = { ...bankBeneficiary(), holderName: 'Anjali Ramgoolam' };
  const { id: beneficiaryId } = await done(world.call('createBeneficiary', { as, body: payee }));
  await payInBelow(as, 4);
  // Before it each of them passes.
  const { accountId } = as;
  const quoted = { accountId, fromAsset: 'USD', toAsset: 'EUR', fromAmount: '10' };
  const { id: quoteId } = await done(world.call('createConversionQuote', { as, body: quoted }));
  expect((await buy(as)).status).toBe(201);
  await payInBelow(as, 1);
  expect(await balanceOf(as)).toBe('45000.05');
  const order = await buy(as);
  expect(order.body.code ?? order.body.rejectionReason).toBe('under_review');
  expect((await world.call('createConversion', { as, body: { quoteId } })).body.code).toBe('under_review');
  const payout = { accountId, asset: 'USD', amount: '100', beneficiaryId };
  expect((await world.call('createWithdrawal', { as, body: payout })).body.code).toBe('under_review');
  // What the outbox brings later is the same alert, and counts nothing twice.
  const before = await alertsOn(as);
  await world.settle();
  const after = await alertsOn(as);
  expect(after).toMatchObject([{ kind: 'monitoring', effect: 'stop', severity: 'high' }]);
  expect(before.map(({ id }) => id)).toEqual(after.map(({ id }) => id));
});

test('credits of one person at once neither wait for each other for ever nor are lost', async () => {
  const as = await world.newCustomer();
  await payInBelow(as, 1);
  const approvals: Id[] = [];
  for (let number = 0; number < 5; number += 1) {
    approvals.push(await asked(as));
  }
  const answers = await Promise.all(approvals.map(credit));
  // Whoever comes after the gate was shut is refused like any credit under review.
  const credited = answers.filter(({ status }) => status === 200).length;
  expect(answers.every(({ status, body }) => status === 200 || body.code === 'under_review')).toBe(true);
  expect(credited).toBe(4);
  expect(await balanceOf(as)).toBe('45000.05');
});

test('what is bought with a deposit that can be called back is withdrawn no sooner than the deposit', async () => {
  const as = await world.newCustomer({ USD: '100' });
  const seller = await world.newCustomer({ BTC: '1' });
  const body = { accountId: as.accountId, asset: 'USD', amount: '6000', method: 'card' };
  const { id } = await done(world.call('createDeposit', { as, body }));
  const by = world.people.operations;
  const told = await done(world.call('clearDeposit', { as: by, params: { id }, body: REASON }));
  await done(credit(told.approval.id));
  const { settlementDate } = await done(world.call('getDeposit', { as, params: { id } }));
  const trade = async (quantity: string) => {
    const terms = { symbol: 'BTC/USD', type: 'limit', quantity, limitPrice: '60000' };
    const offer = { accountId: seller.accountId, side: 'sell', ...terms };
    await done(world.call('placeOrder', { as: seller, body: offer }));
    const order = { accountId: as.accountId, side: 'buy', ...terms };
    const { id: orderId } = await done(world.call('placeOrder', { as, body: order }));
    await tradingEngine(world.deps).settled();
    expect((await done(world.call('getOrder', { as, params: { id: orderId } }))).status).toBe('filled');
  };
  const walletOf = async (asset: string) => {
    const { data } = await done(world.call('listWallets', { as, params: { id: as.accountId } }));
    const { total, withdrawable, settling } = data.find(
      (wallet: { asset: string }) => wallet.asset === asset,
    );
    return { total, withdrawable, settling };
  };
  // The 100 that have settled pay for the first; of what is left a resting order takes too much for the second.
  await trade('0.001');
  expect(await walletOf('BTC')).toEqual({ total: '0.001', withdrawable: '0.001', settling: [] });
  const rests = { symbol: 'BTC/USD', side: 'buy', type: 'limit', quantity: '0.0005', limitPrice: '50000' };
  await done(world.call('placeOrder', { as, body: { accountId: as.accountId, ...rests } }));
  await trade('0.0003');
  expect((await walletOf('BTC')).withdrawable).toBe('0.001');
  await trade('0.05');
  expect(await walletOf('BTC')).toEqual({
    total: '0.0513',
    withdrawable: '0.001',
    settling: [{ settlesOn: settlementDate, amount: '0.0503' }],
  });
});
