/**
 * Two customers with something of theirs in every table a customer may read, so that a test can tell the
 * rows of one from those of the other.
 */
import { NEW_APPLICATION_EXAMPLE } from '../domains/kyc/api.ts';
import { done, first, REASON } from './drivers/driver.ts';
import { COMPANY } from './drivers/kyc-applications.ts';
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

/** Amounts that nobody else has. */
export const OTHERS_AMOUNTS = ['7313.17', '211.31'] as const;

/** A world in which both have signed in, passed KYC, traded with each other and asked for a payout. */
export async function startTwoCustomers(file: string): Promise<TwoCustomers> {
  const world = await startWorld(file);
  const other = await world.newCustomer(
    { USD: OTHERS_AMOUNTS[0], BTC: '0.5' },
    { name: ['Sweta', 'Boodhoo'] },
  );
  const own = await world.newCustomer({ USD: '5000', BTC: '0.5' });
  await live(world, other, 'Sweta Boodhoo', OTHERS_AMOUNTS[1]);
  await live(world, own, 'Anjali Ramgoolam', '100');
  await trade(world, own, other);
  await trade(world, other, own);
  await world.settle();
  return { world, own, other };
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
async function trade(world: World, buyer: Member, seller: Member): Promise<void> {
  await done(world.call('placeOrder', { as: seller, body: order(seller, 'sell', '60000') }));
  const { id } = await done(world.call('placeOrder', { as: buyer, body: order(buyer, 'buy', '60000') }));
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
