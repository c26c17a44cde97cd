/**
 * Two customers with something of theirs in every table a customer may read, so that a test can tell the
 * rows of one from those of the other.
 */
import { eq } from 'drizzle-orm';
import { NEW_APPLICATION_EXAMPLE } from '../domains/kyc/api.ts';
import { ledgerDomain } from '../domains/ledger/index.ts';
import { wallets } from '../domains/ledger/schema.ts';
import { createInstrument, setQuote } from '../domains/markets/index.ts';
import { reportsDomain } from '../domains/reports/index.ts';
import { feeStandings, feeTierSchedules, tradingVolumes } from '../domains/trading/fees/schema.ts';
import { MARGIN_EVENTS } from '../domains/trading/margin/audit.ts';
import { liquidations, marginCalls } from '../domains/trading/margin/schema.ts';
import { parseAmount } from '../kernel/amount.ts';
import { present } from '../kernel/assert.ts';
import { newId } from '../kernel/id.ts';
import { addMs } from '../kernel/time.ts';
import { record } from '../platform/audit/record.ts';
import { transact } from '../platform/db/transact.ts';
import { done, first, REASON } from './drivers/driver.ts';
import { COMPANY } from './drivers/kyc-applications.ts';
import { positionOf, setExits, tradeContract } from './drivers/positions.ts';
import { bankBeneficiary } from './funding-desk.ts';
import { softPasskey } from './soft-authenticator.ts';
import { type Member, startWorld, type World } from './world.ts';

export type TwoCustomers = {
  readonly world: World;
  /** The one who asks. */
  readonly own: Member;
  /** The one whose rows must not be seen; entered first, so that a scan meets their rows first. */
  readonly other: Member;
};

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** Amounts that nobody else has. */
export const OTHERS_AMOUNTS = ['7313.17', '211.31'] as const;

/** A world in which both have signed in, passed KYC, traded with each other and asked for a payout. */
export async function startTwoCustomers(file: string): Promise<TwoCustomers> {
  const world = await startWorld(file);
  await setFeeTiers(world);
  await listLater(world);
  const other = await world.newCustomer(
    { USD: OTHERS_AMOUNTS[0], BTC: '0.5' },
    { name: ['Sweta', 'Boodhoo'] },
  );
  const own = await world.newCustomer({ USD: '5000', BTC: '0.5' });
  await live(world, other, 'Sweta Boodhoo', OTHERS_AMOUNTS[1]);
  await live(world, own, 'Anjali Ramgoolam', '100');
  await trade(world, own, other);
  await trade(world, other, own);
  await trade(world, own, other, LATER);
  await trade(world, other, own, LATER);
  await findTiers(world, [own, other]);
  await tradeContract(world, own, other);
  await world.settle();
  await done(setExits(world, own, await positionOf(world, own)));
  await done(setExits(world, other, await positionOf(world, other), ['takeProfit', 'stopLoss']));
  await callAndLiquidate(world, [own, other]);
  await world.settle();
  await endDay(world);
  return { world, own, other };
}

/** Before anybody trades, so that what they turn over is counted. */
async function setFeeTiers(world: World): Promise<void> {
  const as = world.people.compliance_officer;
  const body = world.operation('proposeFeeTiers').example as object;
  const { approval } = await done(world.call('proposeFeeTiers', { as, body }));
  const params = { id: approval.id as string };
  await done(world.call('approveApproval', { as: world.people.admin, params, body: REASON }));
  // Settlement hears of it within a minute.
  world.advance(MINUTE_MS);
}

/** What whoever trades tomorrow is found to be on. */
async function findTiers(world: World, people: readonly Member[]): Promise<void> {
  const { engine } = world.deps.db;
  const [schedule] = await engine.select().from(feeTierSchedules).limit(1);
  const { id: scheduleId, effectiveOn: day } = present(schedule, 'the tiers were set');
  const createdAt = world.deps.clock.now();
  for (const { userId } of people) {
    const [turned] = await engine.select().from(tradingVolumes).where(eq(tradingVolumes.userId, userId));
    const { volume } = present(turned, 'both have traded today');
    await engine.insert(feeStandings).values({ userId, day, scheduleId, volume, createdAt });
  }
}

/** Both were called, and liquidated. */
async function callAndLiquidate(world: World, people: readonly Member[]): Promise<void> {
  const { engine } = world.deps.db;
  const at = world.deps.clock.now();
  const sums = {
    equity: parseAmount('50'),
    initialMargin: parseAmount('100'),
    maintenanceMargin: parseAmount('25'),
  };
  for (const { userId, accountId } of people) {
    const [wallet] = await engine.select().from(wallets).where(eq(wallets.accountId, accountId)).limit(1);
    const { id: walletId, asset } = present(wallet, 'both have money');
    const common = { userId, accountId, walletId, asset, ...sums, endedAt: at };
    const call = {
      ...common,
      id: newId(),
      shortBy: parseAmount('35'),
      calledAt: at,
      deadlineAt: addMs(at, DAY_MS),
      outcome: 'liquidated',
    } as const;
    const liquidation = {
      ...common,
      id: newId(),
      cause: 'threshold',
      steps: 1,
      nextStepAt: at,
      startedAt: at,
      outcome: 'restored',
    } as const;
    await transact(world.system, 'engine', async (tx) => {
      await tx.insert(marginCalls).values(call);
      await tx.insert(liquidations).values(liquidation);
      for (const [event, type, after] of [
        [MARGIN_EVENTS['margin_call.ended'], 'margin_call', call],
        [MARGIN_EVENTS['liquidation.ended'], 'liquidation', liquidation],
      ] as const) {
        await record(tx, world.system, {
          event,
          resource: { type, id: after.id },
          subjectUserId: userId,
          after,
        });
      }
    });
  }
}

/** The instrument of the others, but for its cycle. */
const LATER = 'BTC/USD.T2';

async function listLater({ system }: World): Promise<void> {
  await createInstrument(system, {
    symbol: LATER,
    name: 'Bitcoin, settled two days after',
    type: 'crypto',
    exchange: 'CRYPTO',
    baseAsset: 'BTC',
    quoteAsset: 'USD',
    tick: parseAmount('0.01'),
    lot: parseAmount('0.0001'),
    minQuantity: parseAmount('0.0001'),
    maxQuantity: parseAmount('10'),
    collarBps: 1000,
    makerFeeBps: 10,
    takerFeeBps: 20,
    fractional: true,
    settlementCycle: 'T+2',
    description: '',
  });
  await setQuote(system, { symbol: LATER, last: parseAmount('60000'), source: 'test' });
}

/** So that what both were worth is written down. */
async function endDay(world: World): Promise<void> {
  world.advance(2 * DAY_MS);
  for (const { name, run } of [...ledgerDomain.jobs, ...reportsDomain.jobs]) {
    if (name === 'reports.take-snapshots' || name === 'ledger.settle-trades') {
      await run(world.system);
    }
  }
}

async function live(world: World, as: Member, holderName: string, amount: string): Promise<void> {
  const { accountId } = as;
  const call = (operationId: string, body: object) => done(world.call(operationId, { as, body }));
  await call('createApiKey', { name: 'Desk', scopes: ['accounts:read'] });
  await call('createDeposit', { accountId, asset: 'USD', amount, method: 'bank_transfer' });
  const bank = await call('createBeneficiary', { ...bankBeneficiary(), holderName });
  await call('createWithdrawal', { accountId, asset: 'USD', amount, beneficiaryId: bank.id });
  await call('placeOrder', order(as, 'buy', '55000'));
  await call('createConversionQuote', { accountId, fromAsset: 'USD', toAsset: 'EUR', fromAmount: amount });
  await payFromHold(world, as);
  const savings = await call('createAccount', { type: 'live', baseCurrency: 'USD' });
  await call('createTransfer', {
    fromAccountId: accountId,
    toAccountId: savings.id,
    asset: 'USD',
    amount: '1',
  });
  for (const operationId of ['createPriceAlert', 'createWatchlist']) {
    await call(operationId, world.operation(operationId).example as object);
  }
  await done(world.call('putSetting', { as, params: { name: 'theme' }, body: { value: 'dark' } }));
  const options = await done(world.call('beginPasskey', { as }));
  await call('addPasskey', { name: 'Phone', response: softPasskey().create(options) });
  await declareForCompany(world, as);
}

/** A draft for a legal person, with somebody behind it and a form of its own. */
async function declareForCompany(world: World, as: Member): Promise<void> {
  const { declaration } = NEW_APPLICATION_EXAMPLE;
  const body = { level: 'enhanced', declaration, company: COMPANY };
  const params = { id: (await done(world.call('createKycApplication', { as, body }))).id as string };
  for (const operationId of ['addKycParty', 'makeKycDeclaration']) {
    const example = world.operation(operationId).example;
    await done(world.call(operationId, { as, params, body: example }));
  }
}

/** Funds on hold of which some went to the bank. */
async function payFromHold(world: World, as: Member): Promise<void> {
  const maker = world.people.operations;
  const { data } = await done(world.call('listWallets', { as, params: { id: as.accountId } }));
  const wallet = (data as { id: string; asset: string }[]).filter(({ asset }) => asset === 'USD');
  const hold = { amount: '2', reason: 'payment', reference: `order-${as.userId}` };
  const { id } = await done(
    world.call('placeHold', { as: maker, params: { id: first(wallet).id }, body: hold }),
  );
  const destination = { house: { role: 'client_money_bank', reference: 'main' } };
  const body = { amount: '1', destination, ...REASON };
  const { approval } = await done(world.call('captureHold', { as: maker, params: { id }, body }));
  const params = { id: approval.id as string };
  await done(world.call('approveApproval', { as: world.second.operations, params, body: REASON }));
}

/** The seller loses a lot, the buyer gains one. */
async function trade(world: World, buyer: Member, seller: Member, symbol = 'BTC/USD'): Promise<void> {
  await done(world.call('placeOrder', { as: seller, body: { ...order(seller, 'sell', '60000'), symbol } }));
  const body = { ...order(buyer, 'buy', '60000'), symbol };
  const { id } = await done(world.call('placeOrder', { as: buyer, body }));
  for (let tries = 0; tries < 200; tries += 1) {
    const { status } = await done(world.call('getOrder', { as: buyer, params: { id } }));
    if (status === 'filled') {
      return;
    }
    await Bun.sleep(20);
  }
  throw new Error('the two customers did not trade');
}

function order({ accountId }: Member, side: 'buy' | 'sell', limitPrice: string) {
  return { accountId, symbol: 'BTC/USD', side, type: 'limit', quantity: '0.001', limitPrice };
}
