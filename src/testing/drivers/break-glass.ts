import { sealBreakGlass } from '../../domains/identity/index.ts';
import type { World } from '../world.ts';
import { type Drivers, done } from './driver.ts';

const REASON = 'The admins lost their second factors';

export const breakGlassDrivers: Drivers = {
  openBreakGlass: async (world) =>
    world.call('openBreakGlass', { body: { ...(await newHalves(world)), reason: REASON } }),
  stepUpBreakGlass: async (world) => {
    const halves = await newHalves(world);
    const { accessToken } = await done(world.call('openBreakGlass', { body: { ...halves, reason: REASON } }));
    const as = { ...world.people.admin, token: accessToken };
    return world.call('stepUpBreakGlass', { as, body: halves });
  },
};

async function newHalves(world: World) {
  const { firstHalf, secondHalf } = await sealBreakGlass(world.system);
  return { firstHalf, secondHalf };
}
