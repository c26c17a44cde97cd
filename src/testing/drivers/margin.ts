import type { Drivers } from './driver.ts';
import { openPosition } from './positions.ts';

/** How accounts stand behind their positions. */
export const marginDrivers: Drivers = {
  getMargin: async (world) => {
    const as = await openPosition(world);
    return world.call('getMargin', { as, params: { accountId: as.accountId } });
  },
  listMarginCalls: async (world) => {
    const as = await openPosition(world);
    return world.call('listMarginCalls', { as, query: { accountId: as.accountId } });
  },
};
