import { screeningConfigDefault } from '../../domains/aml/config.ts';
import { rescreen } from '../../domains/aml/rescreening/rescreen.ts';
import { newId } from '../../kernel/id.ts';
import type { Answer } from '../send.ts';
import type { World } from '../world.ts';
import { type Drivers, done, REASON } from './driver.ts';
import { alertOf, LISTED } from './listed-customer.ts';
import { asks, type StaffWrites } from './staff-write.ts';

export const amlScreeningDrivers: Drivers = {
  createScreening: (world) =>
    world.call('createScreening', {
      as: world.people.compliance_officer,
      body: { subject: { name: LISTED.join(' ') } },
    }),
  createScreeningBatch: (world) =>
    world.call('createScreeningBatch', {
      as: world.people.compliance_officer,
      body: {
        subjects: [
          { reference: 'listed', subject: { name: LISTED.join(' ') } },
          { reference: 'no name', subject: { name: '...' } },
        ],
      },
    }),
  listScreenings: async (world) => {
    await alertOf(world);
    return world.call('listScreenings', { as: world.people.auditor });
  },
  getScreening: async (world) => {
    const { screeningId } = await alertOf(world);
    return world.call('getScreening', { as: world.people.auditor, params: { id: screeningId } });
  },
  startRescreening: (world) => started(world),
  listRescreenings: async (world) => {
    await done(started(world));
    return world.call('listRescreenings', { as: world.people.auditor });
  },
  getRescreening: async (world) => {
    const { id } = await done(started(world));
    return world.call('getRescreening', { as: world.people.auditor, params: { id } });
  },
  listScreeningConfigs: async (world) => {
    await done(drafted(world));
    return world.call('listScreeningConfigs', { as: world.people.auditor });
  },
  createScreeningConfig: (world) => drafted(world),
  simulateScreeningConfig: async (world) => simulated(world, await done(drafted(world))),
  activateScreeningConfig: async (world) => {
    const { id } = await done(simulated(world, await done(drafted(world))));
    return world.call('activateScreeningConfig', {
      as: world.people.compliance_officer,
      params: { id },
      body: REASON,
    });
  },
};

export const amlScreeningWrites: StaffWrites = {
  createScreening: {
    kind: 'evidence',
    leaves: ['screening.completed', 'screening.read'],
    onOneself: 'self_review',
  },
  createScreeningBatch: {
    kind: 'evidence',
    leaves: ['screening.completed', 'screening.completed', 'screening_batch.completed'],
    onOneself: null,
  },
  startRescreening: { kind: 'evidence', leaves: ['rescreening.started'], onOneself: null },
  createScreeningConfig: { kind: 'evidence', leaves: ['screening_config.drafted'], onOneself: null },
  simulateScreeningConfig: { kind: 'evidence', leaves: ['screening_config.simulated'], onOneself: null },
  activateScreeningConfig: asks(null),
};

/** One run goes on at a time, so that of another test is brought to its end. */
async function started(world: World): Promise<Answer> {
  await alertOf(world);
  await rescreen(world.system);
  return world.call('startRescreening', { as: world.people.compliance_officer });
}

function drafted(world: World): Promise<Answer> {
  const content = { ...screeningConfigDefault, version: `draft ${newId()}` };
  return world.call('createScreeningConfig', {
    as: world.people.compliance_officer,
    body: { content, ...REASON },
  });
}

async function simulated(world: World, { id }: { readonly id: string }): Promise<Answer> {
  await alertOf(world);
  return world.call('simulateScreeningConfig', { as: world.people.compliance_officer, params: { id } });
}
