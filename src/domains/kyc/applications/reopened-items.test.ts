import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import {
  type ComplianceDesk,
  declarationOf,
  LIST_ROWS,
  type Person,
  startComplianceDesk,
  upload,
} from '../../../testing/compliance-desk.ts';

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

let desk: ComplianceDesk;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  await desk.loadList(LIST_ROWS);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

type ItemBody = { readonly id: string; readonly item: string; readonly status: string };

async function statusesOf(path: string): Promise<Readonly<Record<string, string>>> {
  const items: readonly ItemBody[] = (await desk.call(desk.officer, 'GET', path)).body.items;
  return Object.fromEntries(items.map(({ item, status }) => [item, status]));
}

async function decide(path: string, name: string, body: object): Promise<void> {
  const items: readonly ItemBody[] = (await desk.call(desk.officer, 'GET', path)).body.items;
  const { id } = items.find(({ item }) => item === name) ?? { id: '' };
  expect((await desk.call(desk.officer, 'POST', `${path}/items/${id}/decide`, body)).status).toBe(200);
}

async function sendBack(path: string, name: string): Promise<void> {
  const items: readonly ItemBody[] = (await desk.call(desk.officer, 'GET', path)).body.items;
  const { id } = items.find(({ item }) => item === name) ?? { id: '' };
  const asked = await desk.call(desk.officer, 'POST', `${path}/request-resubmission`, {
    ...REASON,
    items: [{ itemId: id, reasonCode: 'incomplete' }],
  });
  expect(asked.status).toBe(200);
}

/** Sent back for one form; all else was accepted, or let pass. */
async function sentBack() {
  const customer = await desk.newPerson();
  const declaration = declarationOf(customer);
  const created = await desk.call(customer, 'POST', '/v1/kyc/applications', {
    level: 'standard',
    declaration,
  });
  const path = `/v1/kyc/applications/${created.body.id}`;
  for (const type of ['passport', 'proof_of_address']) {
    await desk.call(customer, 'POST', `${path}/documents`, upload({ type }));
  }
  await desk.certify(customer, path);
  expect((await desk.call(customer, 'POST', `${path}/submit`)).status).toBe(200);
  await desk.settle();
  await decide(path, 'identity', { decision: 'accept' });
  await decide(path, 'fatca_crs', { decision: 'waive', note: 'Seen on paper' });
  await decide(path, 'tax_residence', { decision: 'accept' });
  await decide(path, 'address', { decision: 'accept' });
  await sendBack(path, 'tax_residence');
  return { customer, declaration, path };
}

async function patch(person: Person, path: string, body: object) {
  const { version } = (await desk.call(person, 'GET', path)).body;
  const headers = { 'if-match': `"${version}"` };
  const { status } = await desk.request('PATCH', path, { token: person.token, body, headers });
  expect(status).toBe(200);
}

async function handInAgain(person: Person, path: string): Promise<void> {
  const content = { residences: [{ country: 'MUS', taxNumber: 'B7654321' }] };
  await desk.call(person, 'POST', `${path}/declarations`, { kind: 'tax_residence', content });
  expect((await desk.call(person, 'POST', `${path}/submit`)).status).toBe(200);
  await desk.settle();
}

describe('what was accepted', () => {
  test.each<[string, object]>([
    ['name', { lastName: 'Somebodyelse' }],
    ['birth date', { birthDate: '1949-12-31' }],
    ['nationality', { nationality: 'FRA' }],
    ['gender', { gender: 'male' }],
  ])('is open again when another %s is declared', async (_title, other) => {
    const { customer, declaration, path } = await sentBack();
    await patch(customer, path, { declaration: { ...declaration, ...other } });
    await handInAgain(customer, path);
    expect(await statusesOf(path)).toEqual({
      address: 'provided',
      fatca_crs: 'provided',
      identity: 'provided',
      tax_residence: 'provided',
    });
    const events = (await desk.call(desk.officer, 'GET', `${path}/events`)).body.data;
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'edited',
        detail: { changed: ['declaration'], members: Object.keys(other) },
      }),
    );
    expect(JSON.stringify(events)).not.toContain('Somebodyelse');
  });

  test('of the address is open again when another address is declared, and nothing else', async () => {
    const { customer, declaration, path } = await sentBack();
    const address = { ...declaration.address, street: '99 Another Road' };
    await patch(customer, path, { declaration: { ...declaration, address } });
    await handInAgain(customer, path);
    expect(await statusesOf(path)).toMatchObject({
      address: 'provided',
      fatca_crs: 'waived',
      identity: 'accepted',
    });
  });

  test('stays where who somebody is stays, also when the same is said again', async () => {
    const { customer, declaration, path } = await sentBack();
    await patch(customer, path, { declaration: { ...declaration, occupation: 'Cartographer' } });
    await patch(customer, path, { declaration: { ...declaration, occupation: 'Cartographer' } });
    await handInAgain(customer, path);
    expect(await statusesOf(path)).toEqual({
      address: 'accepted',
      fatca_crs: 'waived',
      identity: 'accepted',
      tax_residence: 'provided',
    });
  });

  test('of a form is open again when the form is made anew', async () => {
    const { customer, path } = await sentBack();
    await handInAgain(customer, path);
    await decide(path, 'tax_residence', { decision: 'accept' });
    await sendBack(path, 'address');
    const again = { residences: [{ country: 'FRA', taxNumber: 'C1' }] };
    await desk.call(customer, 'POST', `${path}/declarations`, { kind: 'tax_residence', content: again });
    await desk.call(customer, 'POST', `${path}/documents`, upload({ type: 'proof_of_address' }));
    expect((await desk.call(customer, 'POST', `${path}/submit`)).status).toBe(200);
    expect(await statusesOf(path)).toMatchObject({ tax_residence: 'provided', identity: 'accepted' });
    await desk.settle();
  });
});

test('what was accepted of a company is open again when somebody behind it is added or taken back', async () => {
  const customer = await desk.newPerson();
  const created = await desk.call(customer, 'POST', '/v1/kyc/applications', {
    level: 'basic',
    declaration: declarationOf(customer),
    company: COMPANY,
  });
  const path = `/v1/kyc/applications/${created.body.id}`;
  const types = ['passport', 'certificate_of_incorporation', 'register_of_directors', 'register_of_members'];
  for (const type of types) {
    await desk.call(customer, 'POST', `${path}/documents`, upload({ type }));
  }
  await desk.certify(customer, path);
  const { firstName, lastName, birthDate, nationality } = (await desk.call(customer, 'GET', path)).body
    .declaration;
  const person = { firstName, lastName, birthDate, nationality };
  const add = async (role: string, more: object = {}) => {
    const answer = await desk.call(customer, 'POST', `${path}/parties`, {
      role,
      details: { person },
      ...more,
    });
    expect(answer.status).toBe(201);
    return answer.body.id as string;
  };
  await add('director');
  await add('authorised_signatory');
  await add('beneficial_owner', { shareBps: 9_000 });
  // Who declares is the one behind it, and shows that once.
  expect((await desk.call(customer, 'POST', `${path}/submit`)).status).toBe(200);
  await desk.settle();
  const round = async (change: () => Promise<unknown>) => {
    await decide(path, 'members', { decision: 'accept' });
    await desk.call(desk.officer, 'POST', `${path}/request-resubmission`, REASON);
    expect(await statusesOf(path)).toMatchObject({ members: 'accepted' });
    await change();
    for (const type of types.slice(0, 3)) {
      await desk.call(customer, 'POST', `${path}/documents`, upload({ type }));
    }
    expect((await desk.call(customer, 'POST', `${path}/submit`)).status).toBe(200);
    await desk.settle();
    return (await statusesOf(path)).members;
  };
  expect(await round(async () => undefined)).toBe('accepted');
  let added = '';
  expect(
    await round(async () => {
      added = await add('beneficial_owner', { shareBps: 1_000 });
    }),
  ).toBe('provided');
  expect(await round(() => desk.call(customer, 'DELETE', `${path}/parties/${added}`))).toBe('provided');
  const company = { ...COMPANY, legalName: 'Quayside Chain Ltd' };
  expect(await round(() => patch(customer, path, { company }))).toBe('provided');
});
