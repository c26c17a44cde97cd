import type { Answer } from '../send.ts';
import type { Member, World } from '../world.ts';
import { type Drivers, done } from './driver.ts';

export const keyDrivers: Drivers = {
  listApiKeys: async (world) => {
    const as = await world.newMember();
    await newKey(world, as);
    return world.call('listApiKeys', { as });
  },
  createApiKey: async (world) => newKey(world, await world.newMember()),
  rotateApiKey: async (world) => {
    const as = await world.newMember();
    const { id } = await done(newKey(world, as));
    return world.call('rotateApiKey', { as, params: { id }, body: { overlapSeconds: 60 } });
  },
  revokeApiKey: async (world) => {
    const as = await world.newMember();
    const { id } = await done(newKey(world, as));
    return world.call('revokeApiKey', { as, params: { id } });
  },
  listUserApiKeys: async (world) => {
    const owner = await world.newMember();
    await newKey(world, owner);
    return world.call('listUserApiKeys', { as: world.people.admin, params: { id: owner.userId } });
  },
  revokeUserApiKey: async (world) => {
    const owner = await world.newMember();
    const { id } = await done(newKey(world, owner));
    const params = { id: owner.userId, keyId: id };
    return world.call('revokeUserApiKey', { as: world.people.compliance_officer, params });
  },
};

function newKey(world: World, as: Member): Promise<Answer> {
  return world.call('createApiKey', { as, body: { name: 'Desk', scopes: ['accounts:read'] } });
}
