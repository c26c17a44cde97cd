import { newId } from '../../kernel/id.ts';
import type { Answer } from '../send.ts';
import type { Member, World } from '../world.ts';
import { type Drivers, done, REASON } from './driver.ts';

/** Postings by hand, their undoing, sweeps of fees, and wallets as staff read them. */
export const bookDrivers: Drivers = {
  requestJournal: async (world) => chargeFee(world, await world.newCustomer({ USD: '10' }), 'USD', 'main'),
  reverseJournal: async (world) => {
    const id = await feeCharged(world, 'USD', 'main');
    return world.call('reverseJournal', { as: world.people.operations, params: { id }, body: REASON });
  },
  requestFeeSweep: async (world) => {
    // Fees of its own: one sweep of a wallet waits for its decision at a time.
    const feesReference = newId();
    await feeCharged(world, 'MUR', feesReference);
    const body = { asset: 'MUR', amount: '1', feesReference, ...REASON };
    return world.call('requestFeeSweep', { as: world.people.operations, body });
  },
  listHouseWallets: async (world) => {
    await world.newCustomer({ USD: '10' });
    return world.call('listHouseWallets', { as: world.people.auditor });
  },
  getWallet: async (world) => {
    const id = await walletOf(world, await world.newCustomer({ USD: '10' }), 'USD');
    return world.call('getWallet', { as: world.people.auditor, params: { id } });
  },
  listWalletEntries: async (world) => {
    const id = await walletOf(world, await world.newCustomer({ USD: '10' }), 'USD');
    return world.call('listWalletEntries', { as: world.people.auditor, params: { id } });
  },
  labelWallet: async (world) => {
    const id = await walletOf(world, await world.newCustomer({ USD: '10' }), 'USD');
    const { version } = await done(world.call('getWallet', { as: world.people.auditor, params: { id } }));
    return world.call('labelWallet', {
      as: world.people.operations,
      params: { id },
      headers: { 'if-match': `"${version}"` },
      body: { metadata: { general_ledger: '2100-017' } },
    });
  },
};

async function walletOf(world: World, as: Member, asset: string): Promise<string> {
  const { data } = await done(world.call('listWallets', { as, params: { id: as.accountId } }));
  const found = (data as { readonly id: string; readonly asset: string }[]).find(
    (row) => row.asset === asset,
  );
  return found?.id ?? '';
}

async function chargeFee(world: World, holder: Member, asset: string, reference: string): Promise<Answer> {
  const body = {
    kind: 'fee',
    description: 'Account fee',
    entries: [
      { walletId: await walletOf(world, holder, asset), amount: '-1' },
      { house: { role: 'fees_earned', reference, asset }, amount: '1' },
    ],
    ...REASON,
  };
  return world.call('requestJournal', { as: world.people.operations, body });
}

/** @shape the journal of a fee that was charged */
async function feeCharged(world: World, asset: string, reference: string): Promise<string> {
  const holder = await world.newCustomer({ [asset]: '10' });
  const { approval } = await done(chargeFee(world, holder, asset, reference));
  const params = { id: approval.id as string };
  await done(world.call('approveApproval', { as: world.second.operations, params, body: REASON }));
  return approval.subjectId as string;
}
