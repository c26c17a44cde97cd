import type { World } from '../world.ts';
import { type Drivers, done, first } from './driver.ts';

export const auditDrivers: Drivers = {
  listAuditLogs: (world) =>
    world.call('listAuditLogs', {
      as: world.people.auditor,
      query: { userId: world.people.customer.userId },
    }),
  getAuditProof: async (world) => {
    const { data } = await done(world.call('listAuditLogs', { as: world.people.auditor }));
    await seal(world);
    const params = { id: first<{ id: string }>(data).id };
    return world.call('getAuditProof', { as: world.people.auditor, params });
  },
  getAuditCheckpoint: async (world) => {
    await seal(world);
    return world.call('getAuditCheckpoint', { as: world.people.auditor });
  },
  listAuditCheckpoints: async (world) => {
    await seal(world);
    return world.call('listAuditCheckpoints', { as: world.people.auditor });
  },
  getAuditConsistency: async (world) => {
    const size = await seal(world);
    return world.call('getAuditConsistency', {
      as: world.people.auditor,
      query: { from: '1', to: String(size) },
    });
  },
  getAuditTile: async (world) => {
    const size = await seal(world);
    const index = size >= 256 ? '000' : `000.p/${size}`;
    const as = world.people.auditor;
    return world.request('GET', `/v1/audit/log/tile/0/${index}`, { token: as.token });
  },
  verifyAuditLog: async (world) => {
    await seal(world);
    return world.call('verifyAuditLog', { as: world.people.auditor });
  },
};

async function seal(world: World): Promise<number> {
  const { sealer } = await world.startWorkers();
  return sealer.sealNow();
}
