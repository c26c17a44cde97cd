import { PIXEL, type World } from '../world.ts';
import { type Drivers, done, REASON } from './driver.ts';
import { alertOf } from './listed-customer.ts';
import { asksFew, type StaffWrites } from './staff-write.ts';

export const amlCaseDrivers: Drivers = {
  listAmlAlerts: async (world) => {
    await alertOf(world);
    return world.call('listAmlAlerts', { as: world.people.mlro });
  },
  getAmlAlert: async (world) => {
    const { id } = await alertOf(world);
    return world.call('getAmlAlert', { as: world.people.mlro, params: { id } });
  },
  assignAmlAlert: async (world) => {
    const { id } = await alertOf(world);
    const body = { assigneeId: world.people.compliance_officer.userId };
    return world.call('assignAmlAlert', { as: world.people.mlro, params: { id }, body });
  },
  commentAmlAlert: async (world) => {
    const { id } = await alertOf(world);
    const body = { text: 'Another passport' };
    return world.call('commentAmlAlert', { as: world.people.mlro, params: { id }, body });
  },
  resolveAmlAlert: async (world) => {
    const { id } = await alertOf(world);
    return resolve(world, id, 'true_match');
  },
  getAmlStanding: async (world) => {
    const { userId } = await world.newCustomer();
    return world.call('getAmlStanding', { as: world.people.mlro, params: { userId } });
  },
  liftAmlCustomer: async (world) => {
    const { id } = await alertOf(world);
    const { userId } = await done(resolve(world, id, 'true_match'));
    return world.call('liftAmlCustomer', { as: world.people.mlro, params: { userId }, body: REASON });
  },
  listAmlWhitelist: async (world) => {
    await whitelisted(world);
    return world.call('listAmlWhitelist', { as: world.people.mlro });
  },
  addAmlWhitelistEntries: async (world) => {
    const { id: alertId } = await alertOf(world);
    const { items } = await done(
      world.call('getAmlAlert', { as: world.people.mlro, params: { id: alertId } }),
    );
    const [{ listId, sourceId, party }] = items;
    const body = { alertId, entries: [{ listId, sourceId, party }], ...REASON };
    return world.call('addAmlWhitelistEntries', { as: world.people.mlro, body });
  },
  revokeAmlWhitelist: async (world) => {
    const { userId } = await whitelisted(world);
    return world.call('revokeAmlWhitelist', { as: world.people.mlro, query: { userId } });
  },
  revokeAmlWhitelistEntry: async (world) => {
    const params = { id: (await whitelisted(world)).id };
    return world.call('revokeAmlWhitelistEntry', { as: world.people.mlro, params });
  },
  listAmlCases: async (world) => {
    await caseOf(world);
    return world.call('listAmlCases', { as: world.people.mlro });
  },
  createAmlCase: async (world) => {
    const { userId } = await world.newCustomer();
    const body = { kind: 'aml', severity: 'medium', userId };
    return world.call('createAmlCase', { as: world.people.mlro, body });
  },
  getAmlCase: async (world) => {
    const id = await caseOf(world);
    return world.call('getAmlCase', { as: world.people.mlro, params: { id } });
  },
  assignAmlCase: (world) =>
    onCase(world, 'assignAmlCase', { assigneeId: world.people.compliance_officer.userId }),
  addAmlCaseEvent: (world) => onCase(world, 'addAmlCaseEvent', { type: 'comment', text: 'Asked the bank' }),
  addAmlCaseAlert: async (world) => {
    const params = { id: await caseOf(world) };
    const body = { alertId: (await alertOf(world)).id };
    return world.call('addAmlCaseAlert', { as: world.people.mlro, params, body });
  },
  addAmlCaseSubject: async (world) => {
    const params = { id: await caseOf(world) };
    const { userId } = await world.newCustomer();
    return world.call('addAmlCaseSubject', { as: world.people.mlro, params, body: { userId } });
  },
  escalateAmlCase: (world) => onCase(world, 'escalateAmlCase', { reason: 'In and out within hours' }),
  closeAmlCase: (world) => onCase(world, 'closeAmlCase', { disposition: 'unfounded', ...REASON }),
  uploadAmlCaseFile: async (world) => upload(world, await caseOf(world)),
  readAmlCaseFile: async (world) => {
    const id = await caseOf(world);
    const { id: fileId } = await done(upload(world, id));
    return world.call('readAmlCaseFile', { as: world.people.mlro, params: { id, fileId } });
  },
};

export const amlCaseWrites: StaffWrites = {
  assignAmlAlert: { kind: 'case', leaves: ['aml_alert.assigned'], onOneself: 'self_review' },
  commentAmlAlert: { kind: 'case', leaves: ['aml_alert.commented'], onOneself: null },
  resolveAmlAlert: {
    kind: 'stops',
    leaves: [
      'aml_alert.closing_requested',
      'aml_case.changed',
      'aml_case.opened',
      'aml_customer.confirmed',
      'gate.changed',
      'gate.changed',
      'gate_restriction.placed',
      'restricted_approval.requested',
      'sanctions_notice.opened',
    ],
    onOneself: 'self_review',
  },
  liftAmlCustomer: asksFew('self_action'),
  addAmlWhitelistEntries: asksFew('self_review'),
  revokeAmlWhitelist: {
    kind: 'stops',
    leaves: ['aml_alert.opened', 'aml_whitelist.ended', 'gate.changed', 'screening.completed'],
    onOneself: 'self_review',
  },
  revokeAmlWhitelistEntry: {
    kind: 'stops',
    leaves: ['aml_alert.opened', 'aml_whitelist.ended', 'gate.changed', 'screening.completed'],
    onOneself: 'self_review',
  },
  createAmlCase: { kind: 'case', leaves: ['aml_case.opened'], onOneself: 'self_review' },
  assignAmlCase: { kind: 'case', leaves: ['aml_case.changed'], onOneself: null },
  addAmlCaseEvent: { kind: 'case', leaves: ['aml_case.commented'], onOneself: null },
  addAmlCaseAlert: {
    kind: 'case',
    leaves: ['aml_case.changed', 'aml_case.changed'],
    onOneself: 'self_review',
  },
  addAmlCaseSubject: { kind: 'case', leaves: ['aml_case.changed'], onOneself: 'self_review' },
  escalateAmlCase: { kind: 'case', leaves: ['aml_case.escalated', 'aml_report.drafted'], onOneself: null },
  closeAmlCase: { kind: 'case', leaves: ['aml_case.closed'], onOneself: null },
  uploadAmlCaseFile: { kind: 'evidence', leaves: ['aml_case.file_added'], onOneself: null },
};

function resolve(world: World, id: string, disposition: string) {
  const body = { disposition, ...REASON };
  return world.call('resolveAmlAlert', { as: world.people.mlro, params: { id }, body });
}

/** A case about a new customer. */
async function caseOf(world: World): Promise<string> {
  const { userId } = await world.newCustomer();
  const body = { kind: 'aml', severity: 'medium', userId };
  return (await done(world.call('createAmlCase', { as: world.people.mlro, body }))).id;
}

async function onCase(world: World, operationId: string, body: object) {
  const params = { id: await caseOf(world) };
  return world.call(operationId, { as: world.people.mlro, params, body });
}

function upload(world: World, id: string) {
  const body = new FormData();
  body.set('file', new File([PIXEL], 'letter.png', { type: 'image/png' }));
  return world.call('uploadAmlCaseFile', { as: world.people.mlro, params: { id }, body });
}

/** The entry that a false positive left, agreed to by a second person. */
async function whitelisted(world: World): Promise<{ readonly id: string; readonly userId: string }> {
  const { id } = await alertOf(world);
  const { approval } = await done(resolve(world, id, 'false_positive'));
  const as = world.people.compliance_officer;
  await done(world.call('approveApproval', { as, params: { id: approval.id }, body: REASON }));
  const { data } = await done(world.call('listAmlWhitelist', { as }));
  return data.find((entry: { alertId: string }) => entry.alertId === id);
}
