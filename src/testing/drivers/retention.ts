import type { Id } from '../../kernel/id.ts';
import type { World } from '../world.ts';
import { type Drivers, done, REASON } from './driver.ts';
import { closedLongAgo } from './privacy.ts';

const HOLD = { reference: 'Supreme Court, order 4711', ...REASON };

export const retentionDrivers: Drivers = {
  listLegalHolds: async (world) => {
    await placedHold(world);
    return world.call('listLegalHolds', { as: world.people.auditor });
  },
  createLegalHold: async (world) => {
    const { userId } = await world.newMember();
    const body = { scope: 'user', userId, ...HOLD };
    return world.call('createLegalHold', { as: world.people.compliance_officer, body });
  },
  getLegalHold: async (world) => {
    const params = { id: await placedHold(world) };
    return world.call('getLegalHold', { as: world.people.auditor, params });
  },
  releaseLegalHold: async (world) => {
    const params = { id: await placedHold(world) };
    return world.call('releaseLegalHold', { as: world.people.mlro, params, body: REASON });
  },
  listRetentionPolicies: (world) => world.call('listRetentionPolicies', { as: world.people.auditor }),
  setRetentionPolicy: async (world) => {
    const as = world.people.compliance_officer;
    const params = { recordClass: 'orders' };
    const body = { months: 120, basis: 'Board decision 2026/14', ...REASON };
    // One proposal waits at a time, and there are only so many classes.
    const query = { status: 'pending', action: 'retention_policy.set' };
    for (const { id } of (await done(world.call('listApprovals', { as, query }))).data) {
      await done(world.call('cancelApproval', { as, params: { id } }));
    }
    return world.call('setRetentionPolicy', { as, params, body });
  },
  listRetentionRuns: (world) => world.call('listRetentionRuns', { as: world.people.auditor }),
  startRetentionRun: (world) => world.call('startRetentionRun', { as: world.people.compliance_officer }),
  getRetentionRun: async (world) => {
    const params = { id: await startedRun(world) };
    return world.call('getRetentionRun', { as: world.people.auditor, params });
  },
  listRetentionItems: async (world) => {
    await closedLongAgo(world, (await world.newMember()).userId);
    const params = { id: await startedRun(world) };
    return world.call('listRetentionItems', { as: world.people.auditor, params });
  },
  destroyDueRecords: async (world) => {
    await closedLongAgo(world, (await world.newMember()).userId);
    const params = { id: await startedRun(world) };
    const as = world.people.compliance_officer;
    return world.call('destroyDueRecords', { as, params, body: REASON });
  },
};

/** A hold on a person, of their own unless given. */
export async function placedHold(world: World, userId?: Id): Promise<Id> {
  const held = userId ?? (await world.newMember()).userId;
  const body = { scope: 'user', userId: held, ...HOLD };
  return (await done(world.call('createLegalHold', { as: world.people.compliance_officer, body }))).id;
}

/** A report of what is due now. */
export async function startedRun(world: World): Promise<Id> {
  return (await done(world.call('startRetentionRun', { as: world.people.compliance_officer }))).id;
}
