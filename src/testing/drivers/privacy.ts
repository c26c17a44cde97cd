import { eq } from 'drizzle-orm';
import { users } from '../../domains/identity/schema.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import type { World } from '../world.ts';
import { type Drivers, done, REASON } from './driver.ts';

const TEN_YEARS_MS = 10 * 366 * 86_400_000;

export const privacyDrivers: Drivers = {
  revealUsers: async (world) => {
    const userIds = [(await world.newMember()).userId];
    const body = { userIds, purpose: 'customer_request', ...REASON };
    return world.call('revealUsers', { as: world.people.compliance_officer, body });
  },
  exportUserData: async (world) => {
    const as = await world.newMember();
    return world.call('exportUserData', { as, params: { id: as.userId } });
  },
  closeUser: async (world) => {
    const params = { id: (await world.newMember()).userId };
    return world.call('closeUser', { as: world.people.compliance_officer, params, body: REASON });
  },
  requestErasure: async (world) => {
    const { userId } = await world.newMember();
    await closedLongAgo(world, userId);
    const params = { id: userId };
    return world.call('requestErasure', { as: world.people.compliance_officer, params, body: REASON });
  },
  publishAgreement: (world) => {
    const body = { kind: `terms_${newId().slice(-12)}`, title: 'Terms', body: 'Be fair.', ...REASON };
    return world.call('publishAgreement', { as: world.people.admin, body });
  },
  listSettings: (world) => world.call('listSettings', { as: world.people.customer }),
  getSetting: async (world) => {
    const [as, params] = [await world.newMember(), { name: 'theme' }];
    await done(world.call('putSetting', { as, params, body: { value: 'dark' } }));
    return world.call('getSetting', { as, params });
  },
  putSetting: async (world) =>
    world.call('putSetting', {
      as: await world.newMember(),
      params: { name: 'theme' },
      body: { value: { dark: true } },
    }),
};

/** Ends a relationship the way two people do. */
export async function closed(world: World, userId: Id): Promise<void> {
  const params = { id: userId };
  const asked = await done(
    world.call('closeUser', { as: world.people.compliance_officer, params, body: REASON }),
  );
  const as = world.second.compliance_officer;
  await done(world.call('approveApproval', { as, params: { id: asked.id }, body: REASON }));
}

/** As `closed`, so long ago that nothing need be kept any more. */
export async function closedLongAgo(world: World, userId: Id): Promise<void> {
  await closed(world, userId);
  const closedAt = addMs(world.deps.clock.now(), -TEN_YEARS_MS);
  await world.deps.db.engine.update(users).set({ closedAt }).where(eq(users.id, userId));
}
