import { present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import type { Answer } from '../send.ts';
import type { World } from '../world.ts';
import { type Drivers, done, REASON } from './driver.ts';

/** Before anything was booked: a run about it finds no money, and the accounts it has no statements of. */
const QUIET_DAY = '2020-01-01';

export const reconciliationDrivers: Drivers = {
  runReconciliation: async (world) => {
    await done(run(world, QUIET_DAY));
    return run(world, QUIET_DAY);
  },
  signOffReconciliation: async (world) => {
    const { id, run: found } = await done(run(world, QUIET_DAY));
    for (const each of found.breaks) {
      if (each.severity === 'critical' && each.status === 'open') {
        await explain(world, each.id);
      }
    }
    const as = world.people.operations;
    return world.call('signOffReconciliation', { as, params: { id }, body: REASON });
  },
  downloadReconciliationReport: async (world) => {
    const { id } = await done(run(world, QUIET_DAY));
    const as = world.people.auditor;
    return world.call('downloadReconciliationReport', { as, params: { id }, query: { format: 'csv' } });
  },
  listReconciliationBreaks: async (world) => {
    await differing(world);
    const query = { status: 'open', kind: 'custody_difference' };
    return world.call('listReconciliationBreaks', { as: world.people.auditor, query });
  },
  getReconciliationBreak: async (world) => {
    const params = { id: await differing(world) };
    return world.call('getReconciliationBreak', { as: world.people.auditor, params });
  },
  changeReconciliationBreak: async (world) => {
    const params = { id: await differing(world) };
    const as = world.people.operations;
    const { version } = await done(world.call('getReconciliationBreak', { as, params }));
    const body = { ownerId: as.userId, note: 'The custodian was asked' };
    return world.call('changeReconciliationBreak', {
      as,
      params,
      body,
      headers: { 'if-match': `"${version}"` },
    });
  },
  explainReconciliationBreak: async (world) => {
    const params = { id: await differing(world) };
    return world.call('explainReconciliationBreak', { as: world.people.operations, params, body: REASON });
  },
  resolveReconciliationBreak: async (world) => {
    const params = { id: await differing(world) };
    return world.call('resolveReconciliationBreak', { as: world.people.operations, params, body: REASON });
  },
  importCustodyReport: async (world) => custodyReport(world, `custodian-${newId().slice(-12)}`),
  voidCustodyReport: async (world) => {
    const { id } = await confirmed(world, `custodian-${newId().slice(-12)}`);
    return world.call('voidCustodyReport', { as: world.people.operations, params: { id }, body: REASON });
  },
  listCustodyReports: async (world) => {
    await done(custodyReport(world, `custodian-${newId().slice(-12)}`));
    return world.call('listCustodyReports', { as: world.people.auditor });
  },
  downloadCustodyReport: async (world) => {
    const { id } = await done(custodyReport(world, `custodian-${newId().slice(-12)}`));
    return world.call('downloadCustodyReport', { as: world.people.auditor, params: { id } });
  },
  getCustodyReport: async (world) => {
    const { id } = await done(custodyReport(world, `custodian-${newId().slice(-12)}`));
    return world.call('getCustodyReport', { as: world.people.auditor, params: { id } });
  },
};

async function run(world: World, businessDate: string): Promise<Answer> {
  // A file may take longer than rows may wait to be sealed; in a server they never do.
  await (await world.startWorkers()).sealer.sealNow();
  return world.call('runReconciliation', { as: world.people.operations, body: { businessDate } });
}

/** A break nobody else has: a custodian that holds what the books know nothing of. */
async function differing(world: World): Promise<string> {
  const custodian = `custodian-${newId().slice(-12)}`;
  const { asOf } = await confirmed(world, custodian);
  const { run: found } = await done(run(world, asOf));
  const object = `custodian ${custodian} BTC`;
  const seen = found.breaks.find((each: { object: string }) => each.object === object);
  return present<{ id: string }>(seen, 'the run saw the difference').id;
}

function custodyReport(world: World, custodian: string): Promise<Answer> {
  const report = { custodian, asOf: '2026-01-31', holdings: [{ asset: 'BTC', quantity: '1.5' }] };
  const body = Buffer.from(JSON.stringify(report));
  const headers = { 'content-type': 'application/json' };
  return world.call('importCustodyReport', { as: world.people.operations, body, headers });
}

/** One that a second person confirmed. */
async function confirmed(world: World, custodian: string): Promise<Answer['body']> {
  const taken = await done(custodyReport(world, custodian));
  const params = { id: taken.confirmationId };
  await done(world.call('approveApproval', { as: world.second.operations, params, body: REASON }));
  return taken;
}

async function explain(world: World, id: string): Promise<void> {
  const as = world.people.operations;
  const asked = await world.call('explainReconciliationBreak', { as, params: { id }, body: REASON });
  if (asked.status === 202) {
    const params = { id: asked.body.approval.id };
    await done(world.call('approveApproval', { as: world.second.operations, params, body: REASON }));
  }
}
