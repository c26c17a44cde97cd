import { newId } from '../../kernel/id.ts';
import { bankBeneficiary } from '../funding-desk.ts';
import type { Answer } from '../send.ts';
import type { Member, World } from '../world.ts';
import { type Drivers, done, first, REASON } from './driver.ts';

const HOLDER = 'Anjali Ramgoolam';

export const accountDrivers: Drivers = {
  listAccounts: async (world) => world.call('listAccounts', { as: await world.newCustomer() }),
  createAccount: async (world) =>
    world.call('createAccount', { as: await world.newMember(), body: { type: 'live', baseCurrency: 'USD' } }),
  getAccount: async (world) => {
    const as = await world.newCustomer();
    return world.call('getAccount', { as, params: { id: as.accountId } });
  },
  renameAccount: async (world) => {
    const as = await world.newCustomer();
    const params = { id: as.accountId };
    return world.call('renameAccount', {
      as,
      params,
      headers: { 'if-match': '"1"' },
      body: { name: 'Savings' },
    });
  },
  changeLotMethod: async (world) => {
    const as = await world.newCustomer();
    const params = { id: as.accountId };
    const headers = { 'if-match': '"1"' };
    return world.call('changeLotMethod', { as, params, headers, body: { lotMethod: 'average' } });
  },
  freezeAccount: async (world) => freeze(world, (await world.newCustomer()).accountId),
  unfreezeAccount: async (world) => {
    const { accountId } = await world.newCustomer();
    await done(freeze(world, accountId));
    const params = { id: accountId };
    return world.call('unfreezeAccount', { as: world.people.operations, params, body: REASON });
  },
  ...ofAccount(
    'listWallets',
    'listEntries',
    'listLots',
    'listClosedPositions',
    'listHolds',
    'listAccountTrades',
    'listHoldings',
    'getPortfolio',
    'getPortfolioHistory',
  ),
  listEvents: async (world) => {
    const as = await world.newCustomer({ USD: '10' });
    await world.settle();
    return world.call('listEvents', { as });
  },
};

export const ledgerDrivers: Drivers = {
  listJournals: async (world) => {
    await world.newCustomer({ USD: '10' });
    return world.call('listJournals', { as: world.people.auditor });
  },
  getJournal: async (world) => {
    await world.newCustomer({ USD: '10' });
    const { data } = await done(world.call('listJournals', { as: world.people.auditor }));
    const params = { id: first<{ id: string }>(data).id };
    return world.call('getJournal', { as: world.people.auditor, params });
  },
  listReconciliations: async (world) => {
    await world.reconcile();
    return world.call('listReconciliations', { as: world.people.auditor });
  },
  getReconciliation: async (world) => {
    const { id } = await world.reconcile();
    return world.call('getReconciliation', { as: world.people.auditor, params: { id } });
  },
};

export const depositDrivers: Drivers = {
  listDeposits: async (world) => {
    const as = await world.newCustomer();
    await done(announce(world, as));
    return world.call('listDeposits', { as });
  },
  createDeposit: async (world) => announce(world, await world.newCustomer()),
  getDeposit: async (world) => {
    const as = await world.newCustomer();
    const { id } = await done(announce(world, as));
    return world.call('getDeposit', { as, params: { id } });
  },
  clearDeposit: async (world) => {
    const { id } = await done(announce(world, await world.newCustomer()));
    return world.call('clearDeposit', { as: world.people.operations, params: { id }, body: REASON });
  },
  cancelDeposit: async (world) => {
    const as = await world.newCustomer();
    const { id } = await done(announce(world, as));
    return world.call('cancelDeposit', { as, params: { id } });
  },
  failDeposit: async (world) => {
    const { id } = await done(announce(world, await world.newCustomer()));
    return world.call('failDeposit', { as: world.people.operations, params: { id }, body: REASON });
  },
};

export const withdrawalDrivers: Drivers = {
  listBeneficiaries: async (world) => {
    const as = await world.newCustomer();
    await done(addBank(world, as));
    return world.call('listBeneficiaries', { as });
  },
  createBeneficiary: async (world) => addBank(world, await world.newCustomer()),
  deleteBeneficiary: async (world) => {
    const as = await world.newCustomer();
    const { id } = await done(addBank(world, as));
    return world.call('deleteBeneficiary', { as, params: { id } });
  },
  createWithdrawal: async (world) => (await ask(world)).answer,
  listWithdrawals: async (world) => world.call('listWithdrawals', { as: (await ask(world)).as }),
  getWithdrawal: async (world) => {
    const { as, params } = await ask(world);
    return world.call('getWithdrawal', { as, params });
  },
  cancelWithdrawal: async (world) => {
    const { as, params } = await ask(world);
    return world.call('cancelWithdrawal', { as, params });
  },
  listWithdrawalApprovals: async (world) => {
    const { params } = await ask(world);
    return world.call('listWithdrawalApprovals', { as: world.people.auditor, params });
  },
  approveWithdrawal: async (world) => approve(world, (await ask(world)).params),
  rejectWithdrawal: async (world) => {
    const { params } = await ask(world);
    return world.call('rejectWithdrawal', { as: world.people.compliance_officer, params, body: REASON });
  },
  processWithdrawal: async (world) => (await payOut(world)).answer,
  completeWithdrawal: async (world) => {
    const { params } = await payOut(world);
    const body = { transactionReference: `FT${newId()}` };
    return world.call('completeWithdrawal', { as: world.people.operations, params, body });
  },
  failWithdrawal: async (world) => {
    const { params } = await payOut(world);
    return world.call('failWithdrawal', { as: world.people.operations, params, body: REASON });
  },
};

function ofAccount(...operationIds: readonly string[]): Drivers {
  return Object.fromEntries(
    operationIds.map((operationId) => [
      operationId,
      async (world: World) => {
        const { as } = await ask(world);
        return world.call(operationId, { as, params: { id: as.accountId } });
      },
    ]),
  );
}

function freeze(world: World, accountId: string): Promise<Answer> {
  const params = { id: accountId };
  return world.call('freezeAccount', { as: world.people.compliance_officer, params, body: REASON });
}

function announce(world: World, as: Member): Promise<Answer> {
  const body = { accountId: as.accountId, asset: 'USD', amount: '100', method: 'bank_transfer' };
  return world.call('createDeposit', { as, body });
}

function addBank(world: World, as: Member): Promise<Answer> {
  return world.call('createBeneficiary', { as, body: { ...bankBeneficiary(), holderName: HOLDER } });
}

type Asked = {
  readonly as: Member;
  readonly answer: Answer;
  readonly params: { readonly id: string };
};

async function ask(world: World): Promise<Asked> {
  const as = await world.newCustomer({ USD: '500' });
  const { id: beneficiaryId } = await done(addBank(world, as));
  const body = { accountId: as.accountId, asset: 'USD', amount: '100', beneficiaryId };
  const answer = await world.call('createWithdrawal', { as, body });
  return { as, answer, params: { id: (await done(Promise.resolve(answer))).id } };
}

function approve(world: World, params: { readonly id: string }): Promise<Answer> {
  return world.call('approveWithdrawal', { as: world.people.compliance_officer, params, body: REASON });
}

async function payOut(world: World): Promise<Asked> {
  const { as, params } = await ask(world);
  await done(approve(world, params));
  const answer = await world.call('processWithdrawal', { as: world.people.operations, params });
  return { as, answer, params };
}
