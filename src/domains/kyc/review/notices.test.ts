import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import { transact } from '../../../platform/db/transact.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import {
  type ComplianceDesk,
  declarationOf,
  INNOCENT,
  LIST_ROWS,
  type Person,
  startComplianceDesk,
  upload,
} from '../../../testing/compliance-desk.ts';
import { passportZone } from '../../../testing/mrz.ts';
import { placeRestriction } from '../../identity/index.ts';
import { users } from '../../identity/schema.ts';
import { inputsOf } from '../risk/inputs-of.ts';
import { kycDocuments } from '../schema.ts';

const REASON = { reason: 'Verified against the originals' };

const COMPANY = {
  legalName: 'Zwyxford Textiles Ltd',
  incorporatedOn: '2015-06-01',
  country: 'MUS',
  legalForm: 'Private company limited by shares',
  registeredAddress: { street: '4 Edith Cavell Street', city: 'Port Louis', country: 'MUS' },
  natureOfBusiness: 'Trade in textiles',
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

function idIn(path: string): Id {
  return (path.split('/').at(-1) ?? '') as Id;
}

async function begin(person: Person, body: object = {}): Promise<string> {
  const whole = { level: 'basic', declaration: declarationOf(person), ...body };
  const created = await desk.call(person, 'POST', '/v1/kyc/applications', whole);
  expect(created.status).toBe(201);
  return `/v1/kyc/applications/${created.body.id}`;
}

async function declare(person: Person, path: string, kind: string, content: object): Promise<number> {
  return (await desk.call(person, 'POST', `${path}/declarations`, { kind, content })).status;
}

async function noticesOf(path: string): Promise<readonly string[]> {
  const { body } = await desk.call(desk.officer, 'GET', path);
  return body.notices
    .map(({ code }: { code: string }) => code)
    .filter((code: string) => code !== 'image_small');
}

async function rowsOf(person: Person, path: string) {
  await desk.call(person, 'POST', `${path}/submit`);
  const { rows } = (await desk.call(desk.officer, 'GET', `${path}/comparison`)).body;
  type Row = { field: string; agree: boolean; values: readonly { value: string }[] };
  return (field: string) => {
    const row = rows.find((one: Row) => one.field === field) as Row | undefined;
    return row && [row.agree, ...row.values.map(({ value }) => value)];
  };
}

describe('an identity document without a number or an end', () => {
  /** Handed in with a passport as an earlier release took it, or a provider sends it. */
  async function bare(...missing: readonly ('number' | 'expiresOn')[]) {
    const customer = await desk.newPerson();
    const path = await desk.apply(customer);
    const gone = {
      ...(missing.includes('number') ? { number: null, numberIndex: null } : {}),
      ...(missing.includes('expiresOn') ? { expiresOn: null } : {}),
    };
    await desk.deps.db.engine
      .update(kycDocuments)
      .set(gone)
      .where(eq(kycDocuments.applicationId, idIn(path)));
    return path;
  }

  test.each<['number' | 'expiresOn', string]>([
    ['number', 'number_unknown'],
    ['expiresOn', 'expiry_unknown'],
  ])('whose %s nobody knows is told of, and one reviewer does not pass over it', async (member, code) => {
    const path = await bare(member);
    expect(await noticesOf(path)).toEqual([code]);
    const asked = await desk.call(desk.officer, 'POST', `${path}/approve`, REASON);
    expect(asked.status).toBe(202);
  });

  test('is told of where it is the back of a card without its front, or the front of one whose back says no end', async () => {
    const notices = async (...sides: readonly (readonly [string, string])[]) => {
      const customer = await desk.newPerson();
      const path = await begin(customer);
      const number = newId();
      for (const [side, expiresOn] of sides) {
        const form = upload({ type: 'national_id', number, side, expiresOn });
        if (expiresOn === '') {
          form.delete('expiresOn');
        }
        expect((await desk.call(customer, 'POST', `${path}/documents`, form)).status).toBe(201);
      }
      await desk.certify(customer, path);
      expect((await desk.call(customer, 'POST', `${path}/submit`)).status).toBe(200);
      return noticesOf(path);
    };
    expect(await notices(['back', ''])).toEqual(['expiry_unknown']);
    expect(await notices(['front', ''], ['back', ''])).toEqual(['expiry_unknown']);
    expect(await notices(['front', '2041-01-31'], ['back', ''])).toEqual([]);
    expect(await notices(['front', ''], ['back', '2041-01-31'])).toEqual([]);
    await desk.settle();
  });

  test('gets its end from the reviewer who reads it, once, and nothing else they say of it', async () => {
    const path = await bare('expiresOn');
    const items = (await desk.call(desk.officer, 'GET', path)).body.items;
    const identity = items.find(({ item }: { item: string }) => item === 'identity');
    const decide = (item: { readonly id: string }, body: object) =>
      desk.call(desk.officer, 'POST', `${path}/items/${item.id}/decide`, body);
    const accept = { decision: 'accept', expiresOn: '2031-05-01' };
    const back = { decision: 'resubmit', reasonCode: 'unreadable', expiresOn: '2031-05-01' };
    expect((await decide(identity, back)).status).toBe(422);
    const form = items.find(({ item }: { item: string }) => item === 'fatca_crs');
    expect((await decide(form, accept)).body.code).toBe('expiry_known');
    expect((await decide(identity, accept)).status).toBe(200);
    expect((await decide(identity, { ...accept, expiresOn: '2039-01-01' })).body.code).toBe('expiry_known');
    const [document] = (await desk.call(desk.officer, 'GET', path)).body.documents;
    expect(document).toMatchObject({ expiresOn: '2031-05-01', status: 'accepted' });
    expect(await noticesOf(path)).toEqual([]);
    expect((await desk.call(desk.officer, 'POST', `${path}/approve`, REASON)).status).toBe(200);
  });
});

describe('somebody the firm has met', () => {
  test('who was rejected and applies again needs a senior person, until they were approved', async () => {
    const customer = await desk.newPerson();
    const declaration = declarationOf(customer);
    const first = await desk.apply(customer, declaration);
    await desk.call(desk.officer, 'POST', `${first}/reject`, REASON);
    const path = await desk.apply(customer, declaration);
    expect(await noticesOf(path)).toEqual(['rejected_before']);
    const asked = await desk.call(desk.officer2, 'POST', `${path}/approve`, REASON);
    expect(asked.body).toMatchObject({ approval: { payload: { reasons: ['notice_critical'] } } });
    const mlro = await desk.newPerson(INNOCENT, 'mlro');
    await desk.call(mlro, 'POST', `/v1/approvals/${asked.body.approval.id}/approve`, REASON);
    const next = await desk.apply(customer, declaration);
    expect(await noticesOf(next)).toEqual([]);
  });

  /** The same person under two logins; the second applies. */
  async function twice(meanwhile: (first: Person) => Promise<unknown>): Promise<readonly string[]> {
    const first = await desk.newPerson();
    const declaration = declarationOf(first);
    await desk.apply(first, declaration);
    await meanwhile(first);
    return noticesOf(await desk.apply(await desk.newPerson(), declaration));
  }

  const restrict = (cause: 'aml_case' | 'risk' | 'kyc_document_expired') => (first: Person) =>
    transact(desk.system, 'engine', (tx) =>
      placeRestriction(tx, desk.system, first.userId, {
        restriction: 'no_out',
        cause,
        reference: { type: 'test', id: newId() },
      }),
    );
  const shut = (status: 'suspended' | 'closed') => async (first: Person) => {
    const closedAt = status === 'closed' ? desk.deps.clock.now() : null;
    await desk.deps.db.engine.update(users).set({ status, closedAt }).where(eq(users.id, first.userId));
    await desk.deps.db.engine.execute(
      `update sessions set revoked_at = now() where user_id = '${first.userId}'`,
    );
  };

  const SEEN = 'person_seen_elsewhere';
  const BARRED = 'barred_person_seen_elsewhere';
  test.each<[string, (first: Person) => Promise<unknown>, readonly string[]]>([
    ['restricted for a case', restrict('aml_case'), [SEEN, BARRED]],
    ['restricted for their risk', restrict('risk'), [SEEN, BARRED]],
    ['suspended', shut('suspended'), [SEEN, BARRED]],
    ['closed', shut('closed'), [SEEN, BARRED]],
    ['restricted for a passport that ran out', restrict('kyc_document_expired'), [SEEN]],
    ['a customer as any', async () => undefined, [SEEN]],
  ])('under another login as %s', async (_title, meanwhile, codes) => {
    expect(await twice(meanwhile)).toEqual([...codes]);
  });

  test('a company that was rejected is known again by its number, and its people by their names', async () => {
    const first = await desk.newPerson();
    const path = await begin(first, { company: { ...COMPANY, registrationNumber: 'C 77-8899' } });
    const director = { firstName: 'Devi', lastName: 'Appadoo', birthDate: '1971-03-04', nationality: 'MUS' };
    const add = (person: Person, to: string, who: object) =>
      desk.call(person, 'POST', `${to}/parties`, { role: 'director', details: { person: who } });
    await add(first, path, director);
    const again = await desk.newPerson();
    const renamed = { ...COMPANY, legalName: 'Another Name Ltd', registrationNumber: 'c778899' };
    const second = await begin(again, { company: renamed });
    expect(await noticesOf(second)).toContain('company_seen_elsewhere');
    expect(await noticesOf(second)).not.toContain('barred_person_seen_elsewhere');
    await shut('suspended')(first);
    expect(await noticesOf(second)).toContain('barred_person_seen_elsewhere');
    const third = await desk.newPerson();
    const other = { ...COMPANY, registrationNumber: 'D1' };
    const unrelated = await begin(third, { company: other });
    expect(await noticesOf(unrelated)).toEqual([]);
    await add(third, unrelated, { ...director, lastName: 'APPADOO' });
    expect(await noticesOf(unrelated)).toEqual(['party_seen_elsewhere', 'barred_person_seen_elsewhere']);
    const foreign = { ...COMPANY, country: 'FRA', registrationNumber: 'C778899' };
    expect(await noticesOf(await begin(await desk.newPerson(), { company: foreign }))).toEqual([]);
  });
});

describe('what is declared in forms', () => {
  const RESIDENT = (country: string) => ({ residences: [{ country, taxNumber: 'A1234567' }] });
  const NO_PERSON_OF_US = { usPerson: false, certified: true };
  const MINISTER = { kind: 'foreign', position: 'Minister', country: 'FRA', relation: 'family' };

  async function inputsFor(person: Person) {
    const gathered = await transact(desk.system, 'engine', (tx) => inputsOf(tx, desk.system, person.userId));
    return gathered?.inputs;
  }

  test('of exposure beside a denial is a notice, asks for more, is rated, and needs a senior person', async () => {
    const customer = await desk.newPerson();
    const path = await desk.draft(customer);
    expect(await declare(customer, path, 'pep', MINISTER)).toBe(201);
    expect((await desk.call(customer, 'POST', `${path}/submit`)).body.detail).toBe(
      'Upload source_of_funds; source_of_wealth.',
    );
    for (const type of ['source_of_funds', 'source_of_wealth']) {
      await desk.call(customer, 'POST', `${path}/documents`, upload({ type }));
    }
    const of = await rowsOf(customer, path);
    expect(of('exposed')).toEqual([false, 'no', 'yes']);
    expect(of('exposure')).toEqual([true, 'foreign']);
    await desk.settle();
    expect(await noticesOf(path)).toEqual(['pep_declared_and_denied']);
    expect((await inputsFor(customer))?.pep).toEqual(['declared']);
    const asked = await desk.call(desk.officer, 'POST', `${path}/approve`, REASON);
    expect(asked.body.approval.payload.reasons).toContain('politically_exposed');
  });

  test('and found of exposure asks for the same as what is said of it', async () => {
    const customer = await desk.newPerson();
    const path = await desk.apply(customer);
    await transact(desk.system, 'engine', (tx) =>
      publish(tx, desk.system, [
        {
          type: 'aml.pep_found',
          userId: customer.userId,
          customerVisible: false,
          data: { alertId: newId() },
        },
      ]),
    );
    await desk.settle();
    const refused = await desk.call(desk.officer, 'POST', `${path}/approve`, REASON);
    expect(refused.body.code).toBe('items_missing');
    await desk.call(desk.officer, 'POST', `${path}/request-resubmission`, REASON);
    const { items } = (await desk.call(customer, 'GET', path)).body;
    expect(items).toContainEqual(
      expect.objectContaining({ item: 'exposure', status: 'resubmit', reasonCode: 'incomplete' }),
    );
    expect((await desk.call(customer, 'POST', `${path}/documents`, upload())).status).toBe(201);
    expect((await desk.call(customer, 'POST', `${path}/submit`)).body.detail).toBe(
      'Upload source_of_funds; source_of_wealth; the declaration pep.',
    );
  });

  test('of tax residence is compared, rated, and told where it is another', async () => {
    const customer = await desk.newPerson();
    const path = await desk.draft(customer);
    await declare(customer, path, 'tax_residence', RESIDENT('IRN'));
    for (const type of ['source_of_funds', 'source_of_wealth']) {
      await desk.call(customer, 'POST', `${path}/documents`, upload({ type }));
    }
    const of = await rowsOf(customer, path);
    expect(of('taxResidence')).toEqual([false, 'MUS', 'IRN']);
    expect(of('usPerson')).toEqual([true, 'no']);
    expect(of('address')).toEqual([true, '12 Royal Road, Curepipe, MUS']);
    expect(await noticesOf(path)).toEqual(['tax_residence_differs']);
    expect((await inputsFor(customer))?.geography).toEqual(['IRN', 'MUS']);
    await desk.settle();
  });

  test('of no tie to the United States beside one is told', async () => {
    const customer = await desk.newPerson();
    const path = await begin(customer, { declaration: { ...declarationOf(customer), nationality: 'USA' } });
    await declare(customer, path, 'fatca_crs', NO_PERSON_OF_US);
    await declare(customer, path, 'tax_residence', RESIDENT('MUS'));
    expect(await noticesOf(path)).toEqual(['us_indicia_contradict']);
    await declare(customer, path, 'fatca_crs', { ...NO_PERSON_OF_US, usPerson: true, usTaxNumber: '912' });
    expect(await noticesOf(path)).toEqual([]);
  });

  test.each<[string, string, object, number]>([
    ['a person of the US without a number', 'fatca_crs', { usPerson: true, certified: true }, 422],
    [
      'a residence with neither number nor reason',
      'tax_residence',
      { residences: [{ country: 'MUS' }] },
      422,
    ],
    [
      'a residence without a number, for a reason',
      'tax_residence',
      { residences: [{ country: 'ARE', noNumberReason: 'The country gives none' }] },
      201,
    ],
    ['a function of no kind', 'pep', { position: 'Minister', country: 'FRA', relation: 'self' }, 422],
    ['an individual as a company', 'fatca_crs', { ...NO_PERSON_OF_US, entityType: 'active_nfe' }, 422],
    ['dispersed ownership without a word', 'beneficial_owner', { complete: true, dispersed: true }, 422],
  ])('cannot say %s', async (_title, kind, content, status) => {
    const customer = await desk.newPerson();
    expect(await declare(customer, await begin(customer), kind, content)).toBe(status);
  });

  test('of a company say what it is and who controls it, and its tax residences are rated', async () => {
    const customer = await desk.newPerson();
    const company = { ...COMPANY, registrationNumber: newId().slice(0, 30), taxResidences: ['MUS', 'IRN'] };
    const path = await begin(customer, { company });
    expect(await declare(customer, path, 'fatca_crs', NO_PERSON_OF_US)).toBe(422);
    const passive = { ...NO_PERSON_OF_US, entityType: 'passive_nfe' };
    expect(await declare(customer, path, 'fatca_crs', passive)).toBe(422);
    const controllingPersons = [
      { firstName: 'Devi', lastName: 'Appadoo', birthDate: '1971-03-04', ...RESIDENT('MUS') },
    ];
    expect(await declare(customer, path, 'fatca_crs', { ...passive, controllingPersons })).toBe(201);
    const ownership = { complete: true, dispersed: true, statement: 'Listed in Port Louis' };
    expect(await declare(customer, path, 'beneficial_owner', ownership)).toBe(201);
    await desk.certify(customer, path);
    for (const type of [
      'passport',
      'certificate_of_incorporation',
      'register_of_directors',
      'register_of_members',
    ]) {
      await desk.call(customer, 'POST', `${path}/documents`, upload({ type }));
    }
    const person = { firstName: 'Nadia', lastName: 'Wexcombe', birthDate: '1981-03-04', nationality: 'MUS' };
    const add = (role: string) =>
      desk.call(customer, 'POST', `${path}/parties`, { role, details: { person } });
    await add('authorised_signatory');
    const director = await add('director');
    const mrz = passportZone({
      surname: 'WEXCOMBE',
      given: 'NADIA',
      number: 'L8989021',
      birth: '820304',
      expiry: '320415',
    });
    const form = upload({ mrz, partyId: director.body.id });
    expect((await desk.call(customer, 'POST', `${path}/documents`, form)).status).toBe(201);
    const of = await rowsOf(customer, path);
    expect((await desk.call(customer, 'GET', path)).body.status).toBe('submitted');
    expect(of('companyName')).toEqual([true, 'Zwyxford Textiles Ltd']);
    expect(of('companyTaxResidence')).toEqual([true, 'IRN, MUS', 'IRN, MUS']);
    expect(of('registeredAddress')).toEqual([true, '4 Edith Cavell Street, Port Louis, MUS']);
    expect(of('partyName')).toEqual([true, 'Nadia Wexcombe', 'Nadia Wexcombe', 'NADIA WEXCOMBE']);
    expect(of('partyBirthDate')).toEqual([false, '1981-03-04', '1981-03-04', '1982-03-04']);
    // Held against the director and not against who declares.
    expect(await noticesOf(path)).toEqual(['ownership_dispersed', 'mrz_birth_date_differs']);
    expect((await inputsFor(customer))?.geography).toEqual(['IRN', 'MUS']);
    await desk.settle();
  });
});

describe('who owns a legal person without a person who owns enough', () => {
  const NAMED = { lastName: 'Quillfeather', birthDate: '1968-05-06', nationality: 'MUS' };

  type Part = { readonly role: string; readonly shareBps?: number; readonly firstName?: string };

  /** Begun with a director who signs, and everything that is asked of a company but its owners. */
  async function company(customer: Person): Promise<string> {
    const own = { ...COMPANY, registrationNumber: newId().slice(0, 30) };
    const path = await begin(customer, { company: own });
    const types = [
      'passport',
      'certificate_of_incorporation',
      'register_of_directors',
      'register_of_members',
    ];
    for (const type of types) {
      expect((await desk.call(customer, 'POST', `${path}/documents`, upload({ type }))).status).toBe(201);
    }
    await name(customer, path, { role: 'director' });
    await add(customer, path, { role: 'authorised_signatory', ...person('Devi') });
    return path;
  }

  function person(firstName: string) {
    return { details: { person: { ...NAMED, firstName } } };
  }

  function add(customer: Person, path: string, body: object) {
    return desk.call(customer, 'POST', `${path}/parties`, body);
  }

  /** Somebody with a part, and a passport of theirs. */
  async function name(customer: Person, path: string, { firstName = 'Devi', ...part }: Part) {
    const added = await add(customer, path, { ...part, ...person(firstName) });
    expect(added.status).toBe(201);
    const form = upload({ partyId: added.body.id });
    expect((await desk.call(customer, 'POST', `${path}/documents`, form)).status).toBe(201);
  }

  async function aboutOwners(path: string): Promise<readonly string[]> {
    return (await noticesOf(path)).filter((code) => code.startsWith('owner'));
  }

  async function handIn(customer: Person, path: string, ownership: object) {
    const content = { complete: true, ...ownership };
    expect(await declare(customer, path, 'beneficial_owner', content)).toBe(201);
    await desk.certify(customer, path);
    return desk.call(customer, 'POST', `${path}/submit`);
  }

  test('names the listed company that does and where it is listed, and a reviewer is told', async () => {
    const customer = await desk.newPerson();
    const path = await company(customer);
    const parent = { legalName: 'Harbour Group Plc', country: 'GBR' };
    const owned = (organisation: object) =>
      add(customer, path, { role: 'beneficial_owner', shareBps: 10_000, details: { organisation } });
    const said = { dispersed: true, statement: 'The parent is listed and widely held' };
    const bare = await owned(parent);
    expect((await handIn(customer, path, said)).body).toMatchObject({
      code: 'parties_incomplete',
      detail: 'owner_not_a_person',
    });
    await desk.call(customer, 'DELETE', `${path}/parties/${bare.body.id}`);
    const nowhere = await owned({ ...parent, listing: { isin: 'GB0002634946' } });
    expect(nowhere.status).toBe(422);
    const listing = { exchange: 'London Stock Exchange', isin: 'GB0002634946' };
    const added = await owned({ ...parent, listing });
    expect(added).toMatchObject({ status: 201, body: { details: { organisation: { listing } } } });
    expect((await handIn(customer, path, said)).status).toBe(200);
    expect(await aboutOwners(path)).toEqual(['ownership_dispersed', 'owner_listed']);
    await desk.settle();
  });

  test('names everybody with a part in the trust that does, each with a document, and a reviewer is told', async () => {
    const customer = await desk.newPerson();
    const path = await company(customer);
    const trust = { trust: { name: 'The Harbour Trust', hasProtector: true } };
    const trustee = { role: 'trustee', ...person('Kavi') };
    expect((await add(customer, path, trustee)).status).toBe(201);
    expect((await handIn(customer, path, {})).body.detail).toBe(
      'owner_missing, trust_undeclared, trust_share_missing, settlor_missing, beneficiary_missing',
    );
    await name(customer, path, { role: 'trustee', shareBps: 10_000, firstName: 'Kavi' });
    await name(customer, path, { role: 'settlor', firstName: 'Rani' });
    await name(customer, path, { role: 'beneficiary', firstName: 'Uma' });
    expect((await handIn(customer, path, trust)).body.detail).toBe('protector_missing');
    const protector = await add(customer, path, { role: 'protector', ...person('Vikram') });
    expect((await handIn(customer, path, trust)).body.code).toBe('documents_missing');
    const form = upload({ partyId: protector.body.id });
    expect((await desk.call(customer, 'POST', `${path}/documents`, form)).status).toBe(201);
    expect((await handIn(customer, path, trust)).status).toBe(200);
    expect(await aboutOwners(path)).toEqual(['ownership_in_trust']);
    await desk.settle();
  });
});
