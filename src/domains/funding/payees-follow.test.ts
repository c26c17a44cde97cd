import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { newId } from '../../kernel/id.ts';
import { transact } from '../../platform/db/transact.ts';
import {
  BITCOIN_BENEFICIARY,
  bankBeneficiary,
  type FundingDesk,
  type Person,
  startFundingDesk,
} from '../../testing/funding-desk.ts';
import { activeConfig, amlDomain, createList, importList } from '../aml/index.ts';
import { amlAlerts, screenings } from '../aml/schema.ts';
import { whitelistEntries } from '../aml/whitelist/schema.ts';
import { customerGates } from '../identity/schema.ts';
import { rescreenPayees, rescreenPayeesOf } from './rescreen-payees.ts';
import { beneficiaries } from './schema.ts';
import { settleBeneficiaries } from './settle-beneficiaries.ts';

let desk: FundingDesk;
let officer: Person;
let mlro: Person;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file, [amlDomain]);
  officer = await desk.newStaff('compliance_officer');
  mlro = await desk.newStaff('mlro');
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const engine = () => desk.deps.db.engine;
const REASON = { reason: 'Looked at it' };

async function payeeOf(id: string) {
  const [row] = await engine()
    .select()
    .from(beneficiaries)
    .where(eq(beneficiaries.id, id as never));
  return row;
}

function vote(approvalId: string) {
  return desk.request(mlro, 'POST', `/v1/approvals/${approvalId}/approve`, { body: REASON });
}

/** Lists the wallet that customers of these tests pay. */
async function listWallet(): Promise<void> {
  const list = await createList(desk.system, { kind: 'own', name: newId() });
  const file = `id,kind,name,aliases,birth_dates,countries,gender,programs,remarks,crypto_addresses
${newId()},person,Evander Tattersall-Quigg,,,,,TEST,,bitcoin:${BITCOIN_BENEFICIARY.address}
`;
  await importList(desk.system, list.id, { file: new Uint8Array(Buffer.from(file)) });
}

/** A payee who is the customer, and whose wallet two people said is not the listed one. */
async function whitelistedPayee() {
  await listWallet();
  const person = await desk.newCustomer();
  const { body } = await desk.request(person, 'POST', '/v1/beneficiaries', { body: BITCOIN_BENEFICIARY });
  const mine = eq(amlAlerts.userId, person.userId);
  const [alert] = await engine().select().from(amlAlerts).where(mine);
  const asked = await desk.request(officer, 'POST', `/v1/aml/alerts/${alert?.id}/resolve`, {
    body: { disposition: 'false_positive', ...REASON },
  });
  expect((await vote(asked.body.approval.id)).status).toBe(200);
  await settleBeneficiaries(desk.system);
  expect((await payeeOf(body.id))?.status).toBe('active');
  await rescreenPayees(desk.system);
  expect((await payeeOf(body.id))?.status).toBe('active');
  desk.advance(1_000);
  return { person, id: body.id as string };
}

async function entryOf({ userId }: Person) {
  const standing = eq(whitelistEntries.userId, userId);
  const [entry] = await engine().select().from(whitelistEntries).where(standing);
  expect(entry?.party).toStartWith('payee:');
  return entry;
}

async function expectHeld(person: Person, id: string): Promise<void> {
  expect((await payeeOf(id))?.status).toBe('pending');
  const [gate] = await engine().select().from(customerGates).where(eq(customerGates.userId, person.userId));
  expect(gate?.screening).toBe('open');
}

test('a payee is held once the entry by which it was somebody else is taken back', async () => {
  const { person, id } = await whitelistedPayee();
  const entry = await entryOf(person);
  const revoked = await desk.request(officer, 'DELETE', `/v1/aml/whitelist/${entry?.id}`);
  expect(revoked.status).toBe(200);
  // As it is done before money leaves.
  await rescreenPayeesOf(desk.system, person.userId);
  await expectHeld(person, id);
});

test('a payee is held once the days of that entry are over', async () => {
  const { person, id } = await whitelistedPayee();
  const entry = await entryOf(person);
  const at = desk.deps.clock.now();
  await engine()
    .update(whitelistEntries)
    .set({ endedAt: at, endedBy: 'test', endCause: 'expired' })
    .where(eq(whitelistEntries.id, entry?.id ?? newId()));
  await rescreenPayees(desk.system);
  await expectHeld(person, id);
});

test('payees are screened again, once, where another configuration screens', async () => {
  const person = await desk.newCustomer();
  const { body: payee } = await desk.request(person, 'POST', '/v1/beneficiaries', {
    body: bankBeneficiary(),
  });
  await rescreenPayees(desk.system);
  const before = await payeeOf(payee.id);
  const path = '/v1/aml/screening-configs';
  const { config } = await transact(desk.system, 'engine', activeConfig);
  const content = { ...config, version: newId(), threshold: 0.8 };
  const draft = await desk.request(officer, 'POST', path, { body: { content, ...REASON } });
  await desk.request(officer, 'POST', `${path}/${draft.body.id}/simulate`);
  const asked = await desk.request(officer, 'POST', `${path}/${draft.body.id}/activate`, { body: REASON });
  expect((await vote(asked.body.approval.id)).status).toBe(200);
  await rescreenPayees(desk.system);
  const after = await payeeOf(payee.id);
  expect(after?.screeningId).not.toBe(before?.screeningId ?? null);
  const [screening] = await engine()
    .select()
    .from(screenings)
    .where(eq(screenings.id, after?.screeningId ?? newId()));
  expect(screening?.configHash).toBe(draft.body.contentHash);
  await rescreenPayees(desk.system);
  expect((await payeeOf(payee.id))?.screeningId).toBe(after?.screeningId ?? null);
});
