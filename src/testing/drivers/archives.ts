import { newId } from '../../kernel/id.ts';
import { parseInstant } from '../../kernel/time.ts';
import { LOG_EVENTS } from '../../platform/audit/log-events.ts';
import { record } from '../../platform/audit/record.ts';
import { machineCtx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import type { Answer } from '../send.ts';
import type { World } from '../world.ts';
import { type Drivers, done } from './driver.ts';

export const archiveDrivers: Drivers = {
  requestAuditArchive: async (world) => ask(world, await oldMonth(world)),
  listAuditArchives: async (world) => {
    await approved(world);
    return world.call('listAuditArchives', { as: world.people.auditor });
  },
  getAuditArchive: async (world) => {
    const params = { id: await approved(world) };
    return world.call('getAuditArchive', { as: world.people.auditor, params });
  },
  listAuditEventTypes: async (world) => world.call('listAuditEventTypes', { as: world.people.admin }),
};

function ask(world: World, month: string): Promise<Answer> {
  const body = { month, reason: 'Its time is over' };
  return world.call('requestAuditArchive', { as: world.people.compliance_officer, body });
}

/** Approved, and left to the job. */
async function approved(world: World): Promise<string> {
  const { id, subjectId } = await done(ask(world, await oldMonth(world)));
  const vote = { params: { id }, body: { reason: 'Agreed' } };
  await done(world.call('approveApproval', { as: world.second.compliance_officer, ...vote }));
  return subjectId;
}

const FIRST_YEAR = 1990;
const months = new WeakMap<World['deps'], number>();

/** Rows of a month long ago that no other driver asked for. */
async function oldMonth(world: World): Promise<string> {
  const { deps, system } = world;
  const number = months.get(deps) ?? 0;
  months.set(deps, number + 1);
  const month = `${FIRST_YEAR + Math.floor(number / 12)}-${String((number % 12) + 1).padStart(2, '0')}`;
  const at = parseInstant(`${month}-10T12:00:00Z`);
  const past = { ...deps, clock: { ...deps.clock, realNow: () => at } };
  const ctx = machineCtx(past, { kind: 'system', name: 'test' }, newId());
  await transact(system, 'engine', (tx) =>
    record(tx, ctx, {
      event: LOG_EVENTS['audit_log.key_changed'],
      resource: { type: 'audit_log', id: 'test' },
      subjectUserId: null,
    }),
  );
  return month;
}
