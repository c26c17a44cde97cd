import type { Member, World } from '../world.ts';
import { type Drivers, done } from './driver.ts';

export const transferDrivers: Drivers = {
  fundPaperAccount: async (world) => {
    const as = await world.newCustomer();
    const paper = { as, body: { type: 'paper', baseCurrency: 'USD' } };
    const { id } = await done(world.call('createAccount', paper));
    return world.call('fundPaperAccount', { as, params: { id }, body: { amount: '100000' } });
  },
  createTransfer: async (world) => transfer(world, await world.newCustomer({ USD: '100' })),
  listTransfers: async (world) => {
    const as = await world.newCustomer({ USD: '100' });
    await done(transfer(world, as));
    return world.call('listTransfers', { as });
  },
  getTransfer: async (world) => {
    const as = await world.newCustomer({ USD: '100' });
    const { id } = await done(transfer(world, as));
    return world.call('getTransfer', { as, params: { id } });
  },
};

async function transfer(world: World, as: Member) {
  const body = { type: 'live', baseCurrency: 'USD' };
  const { id } = await done(world.call('createAccount', { as, body }));
  return world.call('createTransfer', {
    as,
    body: { fromAccountId: as.accountId, toAccountId: id, asset: 'USD', amount: '40.5' },
  });
}
