import { and, eq } from 'drizzle-orm';
import { rescreeningRuns } from '../../domains/aml/rescreening/schema.ts';
import { customerGates } from '../../domains/identity/schema.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { approvals } from '../../platform/db/schema.ts';
import type { Answer } from '../send.ts';
import type { World } from '../world.ts';
import { type Drivers, done, first, REASON } from './driver.ts';
import { alertOf } from './listed-customer.ts';
import { asks, type StaffWrites } from './staff-write.ts';

/** All that a report must know of a person. */
const PROFILE = {
  birthDate: '1981-02-28',
  nationality: 'MUS',
  occupation: 'Engineer',
  address: { street: '12 Royal Road', city: 'Curepipe', country: 'MUS' },
};

/** A year that has begun, whatever the clock of a test says. */
const LAST_YEAR = '2025';

export const amlReportDrivers: Drivers = {
  getAmlDashboard: async (world) => {
    await alertOf(world);
    return world.call('getAmlDashboard', { as: world.people.auditor });
  },
  getAmlAnnualReport: (world) =>
    world.call('getAmlAnnualReport', { as: world.people.auditor, params: { year: LAST_YEAR } }),
  downloadAmlAnnualReport: (world) =>
    world.call('downloadAmlAnnualReport', { as: world.people.auditor, params: { year: LAST_YEAR } }),
  listBusinessHolidays: (world) => world.call('listBusinessHolidays', { as: world.people.auditor }),
  setBusinessHoliday: (world) =>
    world.call('setBusinessHoliday', {
      as: world.people.compliance_officer,
      params: { day: anotherDay() },
      body: { name: 'Divali', observed: true, ...REASON },
    }),
  listSanctionsNotices: async (world) => {
    await noticeOf(world);
    return world.call('listSanctionsNotices', { as: world.people.auditor });
  },
  createSanctionsNilReport: async (world) => {
    await liftEverybody(world);
    const body = { runId: await finishedRun(world) };
    return world.call('createSanctionsNilReport', { as: world.people.mlro, body });
  },
  getSanctionsNotice: async (world) => {
    const params = { id: await noticeOf(world) };
    return world.call('getSanctionsNotice', { as: world.people.auditor, params });
  },
  draftSanctionsNotice: async (world) => draftNotice(world, await noticeOf(world)),
  sendSanctionsNotice: async (world) => {
    const { id } = await done(draftNotice(world, await noticeOf(world)));
    const body = { reference: newId(), sentAt: world.deps.clock.now() };
    return world.call('sendSanctionsNotice', { as: world.people.mlro, params: { id }, body });
  },
  listAmlReports: async (world) => {
    await reportOf(world);
    return world.call('listAmlReports', { as: world.people.auditor });
  },
  getAmlReport: async (world) => {
    const params = { id: await reportOf(world) };
    return world.call('getAmlReport', { as: world.people.auditor, params });
  },
  createAmlReport: async (world) => {
    const body = { caseId: await caseOf(world), ...REASON };
    return world.call('createAmlReport', { as: world.people.compliance_officer, body });
  },
  editAmlReport: async (world) => edit(world, await reportOf(world)),
  validateAmlReport: async (world) => validate(world, await written(world)),
  decideAmlReport: async (world) => decide(world, await whole(world)),
  readAmlReportDocument: async (world) => {
    const params = { id: await written(world) };
    return world.call('readAmlReportDocument', { as: world.people.mlro, params });
  },
  submitAmlReport: async (world) => file(world, await decided(world)),
  amendAmlReport: async (world) => amend(world),
  replaceAmlReport: async (world) => {
    const params = { id: await decided(world) };
    return world.call('replaceAmlReport', { as: world.people.mlro, params });
  },
  withdrawAmlReport: async (world) => {
    const { id } = await done(amend(world));
    return world.call('withdrawAmlReport', { as: world.people.mlro, params: { id } });
  },
};

export const amlReportWrites: StaffWrites = {
  setBusinessHoliday: asks(null),
  createSanctionsNilReport: { kind: 'evidence', leaves: ['sanctions_notice.nil_drafted'], onOneself: null },
  draftSanctionsNotice: { kind: 'case', leaves: ['sanctions_notice.drafted'], onOneself: null },
  sendSanctionsNotice: { kind: 'evidence', leaves: ['sanctions_notice.sent'], onOneself: null },
  createAmlReport: { kind: 'case', leaves: ['aml_case.escalated', 'aml_report.drafted'], onOneself: null },
  editAmlReport: { kind: 'case', leaves: ['aml_report.edited'], onOneself: null },
  validateAmlReport: { kind: 'case', leaves: ['aml_report.validated'], onOneself: null },
  // Of what somebody else wrote; who wrote any of it is refused.
  decideAmlReport: { kind: 'votes', leaves: ['aml_report.approved'], onOneself: null },
  submitAmlReport: { kind: 'carries out', leaves: ['aml_report.filed'], onOneself: null },
  amendAmlReport: { kind: 'case', leaves: ['aml_report.drafted'], onOneself: null },
  replaceAmlReport: {
    kind: 'case',
    leaves: ['aml_report.drafted', 'aml_report.withdrawn'],
    onOneself: null,
  },
  withdrawAmlReport: { kind: 'case', leaves: ['aml_report.withdrawn'], onOneself: null },
};

let days = 0;
/** A day that no other call asks about. */
function anotherDay(): string {
  days += 1;
  return Temporal.PlainDate.from('2040-01-01').add({ days }).toString();
}

/** The notice about a new customer who was confirmed to be listed. */
async function noticeOf(world: World): Promise<string> {
  const { id } = await alertOf(world);
  const body = { disposition: 'true_match', ...REASON };
  const as = world.people.mlro;
  const { caseId } = await done(world.call('resolveAmlAlert', { as, params: { id }, body }));
  const { data } = await done(world.call('listSanctionsNotices', { as, query: { status: 'due' } }));
  return first<{ id: string }>(data.filter((notice: { caseId: string }) => notice.caseId === caseId)).id;
}

function draftNotice(world: World, id: string): Promise<Answer> {
  const body = { text: 'The customer is on the list; their money is frozen' };
  return world.call('draftSanctionsNotice', { as: world.people.mlro, params: { id }, body });
}

/** While anybody is confirmed, there is something to report. */
async function liftEverybody(world: World): Promise<void> {
  const { engine } = world.deps.db;
  const frozen = await engine.select().from(customerGates).where(eq(customerGates.screening, 'confirmed'));
  // New people: their second factor was checked a moment ago, however long the tests before took.
  const officer = () => world.newMember({ roles: ['compliance_officer'] });
  const [as, checker] = [await officer(), await officer()];
  const mlro = await world.newMember({ roles: ['mlro'] });
  for (const { userId } of frozen) {
    const asked = and(
      eq(approvals.action, 'aml_customer.lift'),
      eq(approvals.subjectId, userId),
      eq(approvals.status, 'pending'),
    );
    const [waiting] = await engine.select().from(approvals).where(asked);
    const id: string =
      waiting?.id ??
      (await done(world.call('liftAmlCustomer', { as, params: { userId }, body: REASON }))).approval.id;
    for (const by of [checker, mlro]) {
      await done(world.call('approveApproval', { as: by, params: { id }, body: REASON }));
    }
  }
}

/** A run that looked at nobody, as far as it is stored. */
async function finishedRun(world: World): Promise<Id> {
  const at = world.deps.clock.now();
  const id = newId();
  await world.deps.db.engine.insert(rescreeningRuns).values({
    id,
    cause: 'manual',
    status: 'done',
    isFull: true,
    listSet: 'ab'.repeat(32),
    configHash: 'cd'.repeat(32),
    total: 0,
    requestedBy: 'system',
    startedAt: at,
    movedAt: at,
    finishedAt: at,
  });
  return id;
}

/** A case about a new customer of whom all is known that a report names. */
async function caseOf(world: World): Promise<string> {
  const member = await world.newMember();
  const { version } = await done(world.call('getMe', { as: member }));
  const headers = { 'if-match': `"${version}"` };
  await done(world.call('updateMe', { as: member, headers, body: PROFILE }));
  const as = world.people.compliance_officer;
  const opening = { kind: 'aml', severity: 'medium', userId: member.userId };
  return (await done(world.call('createAmlCase', { as, body: opening }))).id;
}

/** The report that the escalation of such a case began. */
async function reportOf(world: World): Promise<string> {
  const as = world.people.compliance_officer;
  const caseId = await caseOf(world);
  await done(world.call('escalateAmlCase', { as, params: { id: caseId }, body: REASON }));
  const { data } = await done(world.call('listAmlReports', { as, query: { caseId } }));
  return first<{ id: string }>(data).id;
}

function edit(world: World, id: string): Promise<Answer> {
  const body = {
    reasons: ['no_economic_purpose'],
    indicators: ['STRUCT'],
    narrative: 'Payments in and out within hours, without a trade',
  };
  return world.call('editAmlReport', { as: world.people.compliance_officer, params: { id }, body });
}

async function written(world: World): Promise<string> {
  return (await done(edit(world, await reportOf(world)))).id;
}

function validate(world: World, id: string): Promise<Answer> {
  return world.call('validateAmlReport', { as: world.people.compliance_officer, params: { id } });
}

async function whole(world: World): Promise<string> {
  return (await done(validate(world, await written(world)))).report.id;
}

function decide(world: World, id: string): Promise<Answer> {
  const body = { decision: 'file', ...REASON };
  return world.call('decideAmlReport', { as: world.people.mlro, params: { id }, body });
}

async function decided(world: World): Promise<string> {
  return (await done(decide(world, await whole(world)))).id;
}

function file(world: World, id: string): Promise<Answer> {
  const body = { fiuReference: newId(), filedAt: world.deps.clock.now() };
  return world.call('submitAmlReport', { as: world.people.mlro, params: { id }, body });
}

async function amend(world: World): Promise<Answer> {
  const { id } = await done(file(world, await decided(world)));
  return world.call('amendAmlReport', { as: world.people.mlro, params: { id } });
}
