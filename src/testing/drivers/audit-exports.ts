import type { Answer } from '../send.ts';
import type { World } from '../world.ts';
import { type Drivers, done } from './driver.ts';

const PERIOD = { from: '2020-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z', format: 'ndjson' };

export const auditExportDrivers: Drivers = {
  getAuditTimeline: (world) =>
    world.call('getAuditTimeline', {
      as: world.people.auditor,
      params: { kind: 'user', id: world.people.customer.userId },
    }),
  createAuditExport: (world) => newExport(world),
  listAuditExports: async (world) => {
    await done(newExport(world));
    return world.call('listAuditExports', { as: world.people.auditor });
  },
  getAuditExport: async (world) => {
    const { id } = await done(newExport(world));
    return world.call('getAuditExport', { as: world.people.auditor, params: { id } });
  },
  cancelAuditExport: async (world) => {
    // A worker may be quicker; then there is another one to cancel.
    for (let tries = 0; ; tries += 1) {
      const { id } = await done(newExport(world));
      const answer = await world.call('cancelAuditExport', { as: world.people.auditor, params: { id } });
      if (answer.status === 200 || tries === 20) {
        return answer;
      }
    }
  },
  getAuditExportManifest: async (world) => {
    const params = { id: await writtenExport(world) };
    return world.call('getAuditExportManifest', { as: world.people.auditor, params });
  },
  downloadAuditExport: async (world) => {
    const params = { id: await writtenExport(world) };
    return world.call('downloadAuditExport', { as: world.people.auditor, params });
  },
};

function newExport(world: World): Promise<Answer> {
  return world.call('createAuditExport', { as: world.people.auditor, body: PERIOD });
}

/** An export is written beside the event pump, so its state is what tells when it is done. */
async function writtenExport(world: World): Promise<string> {
  const { id } = await done(newExport(world));
  await world.startWorkers();
  for (let tries = 0; tries < 400; tries += 1) {
    const { status } = await done(world.call('getAuditExport', { as: world.people.auditor, params: { id } }));
    if (status === 'completed') {
      return id;
    }
    await Bun.sleep(25);
  }
  throw new Error('the export was not completed within ten seconds');
}
