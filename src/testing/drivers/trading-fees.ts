import type { Drivers } from './driver.ts';
import { asks, type StaffWrites } from './staff-write.ts';

/** What trading costs, and when what was traded settles. */
export const tradingFeeDrivers: Drivers = {
  listTradingFees: async (world) => world.call('listTradingFees', { as: await world.newCustomer() }),
  proposeFeeTiers: (world) => {
    const body = world.operation('proposeFeeTiers').example as object;
    return world.call('proposeFeeTiers', { as: world.people.compliance_officer, body });
  },
  getFeeTier: async (world) => {
    const as = await world.newCustomer();
    return world.call('getFeeTier', { as, params: { id: as.accountId }, query: { symbol: 'BTC/USD' } });
  },
  listSettlements: async (world) => {
    const as = await world.newCustomer({ USD: '100' });
    return world.call('listSettlements', { as, params: { id: as.accountId } });
  },
};

export const tradingFeeWrites: StaffWrites = { proposeFeeTiers: asks(null) };
