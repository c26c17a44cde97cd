import type { Drivers } from './driver.ts';

export const sessionDrivers: Drivers = {
  endOtherSessions: async (world) => {
    const as = await world.newMember();
    await world.tokenOf(as, false);
    return world.call('endOtherSessions', { as });
  },
  endUserSessions: async (world) => {
    const { userId } = await world.newMember();
    return world.call('endUserSessions', {
      as: world.people.support,
      params: { id: userId },
      query: { reason: 'lost_device' },
    });
  },
};
