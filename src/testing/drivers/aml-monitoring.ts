import { monitorMoney } from '../../domains/aml/index.ts';
import { RELEASED } from '../../domains/aml/monitoring/rule-set.ts';
import { parseAmount } from '../../kernel/amount.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { NO_ACTIVITY } from '../../platform/activity.ts';
import { transact } from '../../platform/db/transact.ts';
import type { Answer } from '../send.ts';
import type { World } from '../world.ts';
import { type Drivers, done, first, REASON } from './driver.ts';
import { asks, asksFew, type StaffWrites } from './staff-write.ts';

const DAY_MS = 24 * 3_600_000;

export const amlMonitoringDrivers: Drivers = {
  listMonitoringRules: async (world) => {
    await done(drafted(world));
    return world.call('listMonitoringRules', { as: world.people.auditor });
  },
  draftMonitoringRule: (world) => drafted(world),
  simulateMonitoringRule: async (world) => simulated(world, await done(drafted(world))),
  listSimulatedAlerts: async (world) => {
    const { id } = await done(simulatedStricter(world));
    return world.call('listSimulatedAlerts', { as: world.people.auditor, params: { id } });
  },
  activateMonitoringRule: async (world) => {
    const { id } = await done(simulated(world, await done(drafted(world))));
    return world.call('activateMonitoringRule', { as: world.people.compliance_officer, params: { id } });
  },
  listMonitoringHits: async (world) => {
    const { userId } = await world.newMember({});
    await plantHit(world, userId);
    return world.call('listMonitoringHits', { as: world.people.auditor, query: { userId } });
  },
  listMonitoringSnoozes: async (world) => {
    await done(snoozed(world));
    return world.call('listMonitoringSnoozes', { as: world.people.auditor });
  },
  snoozeMonitoringRule: (world) => asked(world),
  endMonitoringSnooze: async (world) => {
    const { id } = await done(snoozed(world));
    return world.call('endMonitoringSnooze', { as: world.people.compliance_officer, params: { id } });
  },
};

export const amlMonitoringWrites: StaffWrites = {
  draftMonitoringRule: { kind: 'evidence', leaves: ['monitoring_rule.drafted'], onOneself: null },
  simulateMonitoringRule: { kind: 'evidence', leaves: ['monitoring_rule.simulated'], onOneself: null },
  activateMonitoringRule: asks(null),
  snoozeMonitoringRule: asksFew('self_review'),
  endMonitoringSnooze: { kind: 'stops', leaves: ['rule_snooze.ended'], onOneself: 'self_review' },
};

function drafted(world: World): Promise<Answer> {
  const key = 'round_amounts';
  const body = { key, content: RELEASED.get(key), ...REASON };
  return world.call('draftMonitoringRule', { as: world.people.compliance_officer, body });
}

function simulated(world: World, { id }: { readonly id: string }): Promise<Answer> {
  const now = world.deps.clock.now();
  const body = { from: addMs(now, -DAY_MS), to: now };
  return world.call('simulateMonitoringRule', { as: world.people.compliance_officer, params: { id }, body });
}

/** A draft that would raise an alert about somebody. */
async function simulatedStricter(world: World): Promise<Answer> {
  const { userId } = await world.newMember({});
  await plantHit(world, userId);
  const key = 'high_risk_country';
  const content = { ...RELEASED.get(key), isEnabled: false };
  const body = { key, content, ...REASON };
  const draft = await done(world.call('draftMonitoringRule', { as: world.people.compliance_officer, body }));
  return simulated(world, draft as { readonly id: string });
}

async function asked(world: World): Promise<Answer> {
  const { userId } = await world.newMember({});
  const until = addMs(world.deps.clock.now(), DAY_MS);
  const body = { userId, ruleKey: 'round_amounts', until, ...REASON };
  return world.call('snoozeMonitoringRule', { as: world.people.compliance_officer, body });
}

/** A snooze that two people agreed to. */
async function snoozed(world: World): Promise<Answer> {
  const { approval } = await done(asked(world));
  const as = world.people.mlro;
  await done(world.call('approveApproval', { as, params: { id: approval.id }, body: REASON }));
  const query = { userId: approval.subjectId };
  const answer = await world.call('listMonitoringSnoozes', { as, query });
  return { ...answer, body: first(answer.body.data) };
}

/** Money from a country of high risk, as it would be watched. */
async function plantHit(world: World, userId: Id): Promise<void> {
  await transact(world.system, 'engine', (tx) =>
    monitorMoney(tx, world.system, {
      ...NO_ACTIVITY,
      source: 'test',
      sourceId: newId(),
      kind: 'deposit',
      userId,
      occurredAt: world.deps.clock.now(),
      asset: 'USD',
      amount: parseAmount('10'),
      direction: 'in',
      counterpartyCountry: 'KP',
    }),
  );
}
