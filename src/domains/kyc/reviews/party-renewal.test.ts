import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import { transact } from '../../../platform/db/transact.ts';
import {
  type ComplianceDesk,
  declarationOf,
  INNOCENT,
  LIST_ROWS,
  type Person,
  startComplianceDesk,
  upload,
} from '../../../testing/compliance-desk.ts';
import { evidenceFor } from './close-review.ts';
import { openReview } from './open-review.ts';
import { kycReviews } from './schema.ts';

const REASON = { reason: 'Verified against the originals' };

const COMPANY = {
  legalName: 'Quayside Rope Ltd',
  registrationNumber: 'C445566',
  incorporatedOn: '2015-06-01',
  country: 'MUS',
  legalForm: 'Private company limited by shares',
  registeredAddress: { street: '4 Edith Cavell Street', city: 'Port Louis', country: 'MUS' },
  natureOfBusiness: 'Ropes',
  taxResidences: ['MUS'],
};

const DEVI = 'Devi';
const KAVI = 'Kavi';

let desk: ComplianceDesk;
let mlro: Person;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  await desk.loadList(LIST_ROWS);
  mlro = await desk.newPerson(INNOCENT, 'mlro');
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

/** A company approved with two directors, whose passports are good until these days; the documents by name. */
async function approved(customer: Person, declaration: object, until: Readonly<Record<string, string>>) {
  const body = { level: 'basic', declaration, company: COMPANY };
  const { id } = (await desk.call(customer, 'POST', '/v1/kyc/applications', body)).body;
  const path = `/v1/kyc/applications/${id}`;
  const types = ['passport', 'certificate_of_incorporation', 'register_of_directors', 'register_of_members'];
  for (const type of types) {
    await desk.call(customer, 'POST', `${path}/documents`, upload({ type }));
  }
  const documents: Record<string, Id> = {};
  for (const [firstName, expiresOn] of Object.entries(until)) {
    const person = { firstName, lastName: 'Appadoo', birthDate: '1971-03-04', nationality: 'MUS' };
    const add = (role: string, more: object = {}) =>
      desk.call(customer, 'POST', `${path}/parties`, { role, details: { person }, ...more });
    const director = await add('director');
    await add('authorised_signatory');
    await add('beneficial_owner', { shareBps: 5_000 });
    const form = upload({ partyId: director.body.id, expiresOn });
    documents[firstName] = (await desk.call(customer, 'POST', `${path}/documents`, form)).body.id;
  }
  await desk.certify(customer, path);
  expect((await desk.call(customer, 'POST', `${path}/submit`)).status).toBe(200);
  await desk.settle();
  const asked = await desk.call(desk.officer, 'POST', `${path}/approve`, REASON);
  expect(asked.status).toBe(202);
  const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
  expect((await desk.call(mlro, 'POST', vote, REASON)).status).toBe(200);
  await desk.settle();
  return documents;
}

test("a director's passport is renewed by that director's next one, named anew, and by nobody else's", async () => {
  const customer = await desk.newPerson();
  const declaration = declarationOf(customer);
  const first = await approved(customer, declaration, { [DEVI]: '2031-01-31', [KAVI]: '2031-01-31' });
  const second = await approved(customer, declaration, { [KAVI]: '2041-01-31', [DEVI]: '2030-01-31' });
  const evidenceOf = (name: string) =>
    transact(desk.system, 'engine', async (tx) => {
      const review = await openReview(tx, desk.system, {
        userId: customer.userId,
        kind: 'document_expiry',
        referenceId: first[name] as Id,
        dueAt: desk.deps.clock.now(),
      });
      const [row] = await tx.select().from(kycReviews).where(eq(kycReviews.id, review.id));
      return row && evidenceFor(tx, desk.system, row);
    });
  expect(await evidenceOf(KAVI)).toBe(second[KAVI]);
  expect(await evidenceOf(DEVI)).toBeUndefined();
});
