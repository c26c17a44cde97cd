import {
  MARBLE_KEY,
  MARBLE_SCENARIO,
  type Marble,
  startMarble,
} from '../../domains/aml/testing/marble-server.ts';
import { startYente, YENTE_KEY, type Yente } from '../../domains/aml/testing/yente-server.ts';
import { askMonitoringVendorJob } from '../../domains/aml/vendors/ask-monitoring-vendor.ts';
import { askVendorJob } from '../../domains/aml/vendors/ask-vendor.ts';
import { parseMonitoringVendor } from '../../platform/http/monitoring-vendor.ts';
import { parseScreeningVendor } from '../../platform/http/screening-vendor.ts';
import type { World } from '../world.ts';
import type { Drivers } from './driver.ts';
import { alertOf, LISTED } from './listed-customer.ts';

export const amlVendorDrivers: Drivers = {
  getVendorComparison: async (world) => {
    await answered(world);
    return world.call('getVendorComparison', { as: world.people.auditor });
  },
  listVendorResults: async (world) => {
    const params = { id: await answered(world) };
    return world.call('listVendorResults', { as: world.people.auditor, params });
  },
  getMonitoringVendorComparison: async (world) => {
    await assessed(world);
    return world.call('getMonitoringVendorComparison', { as: world.people.auditor });
  },
  listMonitoringVendorResults: async (world) => {
    const query = { userId: await assessed(world) };
    return world.call('listMonitoringVendorResults', { as: world.people.auditor, query });
  },
};

const servers = new WeakMap<World, Yente>();

/** A screening that a vendor on this machine was asked about; nobody is asked about anything after it. */
async function answered(world: World): Promise<string> {
  const yente = servers.get(world) ?? startYente();
  servers.set(world, yente);
  yente.entities.splice(0, Infinity, { id: 'NK-1', name: LISTED.join(' '), topics: ['sanction'] });
  const { deps } = world.system;
  const screeningVendor = parseScreeningVendor(`yente:url=${yente.url};mode=compare;key=${YENTE_KEY}`);
  Object.assign(deps, { screeningVendor });
  try {
    const { screeningId } = await alertOf(world);
    await askVendorJob.run(world.system);
    return screeningId;
  } finally {
    Object.assign(deps, { screeningVendor: null });
  }
}

const marbles = new WeakMap<World, Marble>();

/** Somebody whose money a vendor on this machine was asked about. */
async function assessed(world: World): Promise<string> {
  const marble = marbles.get(world) ?? startMarble();
  marbles.set(world, marble);
  marble.decide = () => ({ outcome: 'review', score: 60 });
  const { deps } = world.system;
  const text = `marble:url=${marble.url};mode=compare;scenario=${MARBLE_SCENARIO};key=${MARBLE_KEY}`;
  Object.assign(deps, { monitoringVendor: parseMonitoringVendor(text) });
  try {
    const { userId } = await world.newCustomer({ USD: '10' });
    await askMonitoringVendorJob.run(world.system);
    return userId;
  } finally {
    Object.assign(deps, { monitoringVendor: null });
  }
}
