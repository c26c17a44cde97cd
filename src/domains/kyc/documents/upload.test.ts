import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { newId } from '../../../kernel/id.ts';
import {
  type ComplianceDesk,
  declarationOf,
  dump,
  LIST_ROWS,
  type Person,
  pixel,
  startComplianceDesk,
  upload,
} from '../../../testing/compliance-desk.ts';
import { passportZone } from '../../../testing/mrz.ts';
import { kycDocuments } from '../schema.ts';

const REASON = { reason: 'Seen' };
const ZONE = { surname: 'RAMGOOLAM', given: 'ANJALI', number: 'P1234567', birth: '740812', expiry: '320415' };

let desk: ComplianceDesk;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  await desk.loadList(LIST_ROWS);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

function idIn(path: string): string {
  return path.split('/').at(-1) ?? '';
}

async function begin(person: Person, declared: object = {}): Promise<string> {
  const body = { level: 'basic', declaration: { ...declarationOf(person), ...declared } };
  return `/v1/kyc/applications/${(await desk.call(person, 'POST', '/v1/kyc/applications', body)).body.id}`;
}

async function storedIn(path: string) {
  return desk.deps.db.engine
    .select()
    .from(kycDocuments)
    .where(eq(kycDocuments.applicationId, idIn(path) as never))
    .orderBy(kycDocuments.id);
}

async function noticesOf(path: string): Promise<readonly string[]> {
  const { body } = await desk.call(desk.officer, 'GET', path);
  return body.notices.map(({ code }: { code: string }) => code);
}

describe('a file', () => {
  const behind = (more: string) =>
    new Uint8Array(Buffer.concat([Buffer.from(pixel()), Buffer.from(more, 'latin1')]));

  test.each<[string, Uint8Array<ArrayBuffer>, string]>([
    ['with an archive behind it', behind(`PK\x05\x06${'\0'.repeat(18)}`), 'data_after_end'],
    ['with a page behind it', behind('<html><script>alert(1)</script>'), 'data_after_end'],
    ['that is cut off', pixel().slice(0, -5), 'truncated'],
    ['that runs', new Uint8Array(Buffer.from('%PDF-1.7\n<</S/JavaScript/JS(1)>>\n%%EOF')), 'active_content'],
  ])('%s is refused, and nothing of it is kept', async (_title, content, cause) => {
    const customer = await desk.newPerson();
    const path = await begin(customer);
    const refused = await desk.call(customer, 'POST', `${path}/documents`, upload({}, content));
    expect(refused).toMatchObject({
      status: 415,
      body: { code: 'document_content_refused', detail: cause },
    });
    expect(await storedIn(path)).toEqual([]);
  });

  test('that somebody else has sent too is told to the reviewer, not to its sender', async () => {
    const [one, other] = [await desk.newPerson(), await desk.newPerson()];
    const [first, second] = [await begin(one), await begin(other)];
    const same = pixel('the very same scan');
    await desk.call(one, 'POST', `${first}/documents`, upload({}, same));
    await desk.call(other, 'POST', `${second}/documents`, upload({}, same));
    expect(await noticesOf(second)).toContain('document_file_seen_elsewhere');
    expect((await desk.call(other, 'GET', second)).body.notices).toEqual([]);
    await desk.call(one, 'POST', `${first}/documents`, upload({}, same));
    const own = (await desk.call(desk.officer, 'GET', first)).body.notices;
    expect(
      own.filter(({ applicationId }: { applicationId?: string }) => applicationId === idIn(first)),
    ).toEqual([]);
  });
});

describe('a machine-readable zone', () => {
  test('says what was not entered, and rests sealed', async () => {
    const customer = await desk.newPerson();
    const path = await begin(customer, { birthDate: '1974-08-12' });
    const form = upload({ mrz: passportZone({ ...ZONE, number: 'CANARY991' }).toLowerCase() });
    const uploaded = await desk.call(customer, 'POST', `${path}/documents`, form);
    expect(uploaded.body).toMatchObject({ issuingCountry: 'MUS', expiresOn: '2032-04-15' });
    expect(await noticesOf(path)).toEqual(['image_small']);
    const stored = await dump(desk, ['kyc_documents', 'audit_logs', 'outbox']);
    for (const secret of ['CANARY991', Buffer.from('CANARY991').toString('hex')]) {
      expect(stored.includes(secret)).toBe(false);
    }
    expect((await storedIn(path))[0]?.numberIndex).not.toBeNull();
  });

  test.each<[string, string, number, string]>([
    ['a wrong check digit', passportZone(ZONE).replace('740812', '740813'), 422, 'mrz_invalid'],
    ['lines of no format', `${'A'.repeat(40)}\n${'B'.repeat(40)}`, 422, 'mrz_invalid'],
    ['something else', 'ANJALI RAMGOOLAM', 422, 'validation_failed'],
  ])('with %s is refused', async (_title, mrz, status, code) => {
    const customer = await desk.newPerson();
    const path = await begin(customer);
    const refused = await desk.call(customer, 'POST', `${path}/documents`, upload({ mrz }));
    expect(refused).toMatchObject({ status, body: { code } });
    expect(await storedIn(path)).toEqual([]);
  });

  test('that contradicts what was declared or entered is told to the reviewer', async () => {
    const customer = await desk.newPerson();
    const path = await begin(customer, { birthDate: '1974-08-13', gender: 'male' });
    const mrz = passportZone({ ...ZONE, surname: 'RAMGULAM', sex: 'F' });
    const form = upload({ mrz, number: 'P7654321', expiresOn: '2033-04-15' });
    await desk.call(customer, 'POST', `${path}/documents`, form);
    expect(await noticesOf(path)).toEqual([
      'mrz_name_differs',
      'mrz_birth_date_differs',
      'mrz_sex_differs',
      'mrz_number_differs',
      'mrz_expiry_differs',
      'image_small',
    ]);
  });
});

describe('what is said of a document', () => {
  const send = async (form: FormData) => {
    const customer = await desk.newPerson();
    const path = await begin(customer);
    return { path, answer: await desk.call(customer, 'POST', `${path}/documents`, form) };
  };

  test.each(['0000-01-01', '1899-12-31', '2200-01-01', '9999-12-31', '2031-02-30'])(
    'is of no day like %s, issued or expiring',
    async (day) => {
      for (const member of ['issuedOn', 'expiresOn']) {
        const { path, answer } = await send(upload({ [member]: day }));
        expect(answer).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
        expect(await storedIn(path)).toEqual([]);
      }
    },
  );

  test.each(['0000-01-01', '2200-01-01', '2031', 'tomorrow'])(
    'is of no day like %s whoever writes it',
    async (day) => {
      const { path } = await send(upload({ issuedOn: '1900-01-01', expiresOn: '2199-12-31' }));
      const [stored] = await storedIn(path);
      expect(stored).toMatchObject({ issuedOn: '1900-01-01', expiresOn: '2199-12-31' });
      for (const member of ['issuedOn', 'expiresOn'] as const) {
        const change = desk.deps.db.engine
          .update(kycDocuments)
          .set({ [member]: day })
          .where(eq(kycDocuments.id, stored?.id as never));
        const code = await change.then(
          () => 'done',
          (error: Error) => (error.cause as { code?: string }).code,
        );
        expect(`${member} ${code}`).toBe(`${member} 23514`);
      }
    },
  );

  function without(type: string, ...members: readonly string[]): FormData {
    const form = upload({ type });
    for (const member of members) {
      form.delete(member);
    }
    return form;
  }

  test.each<[string, FormData, number]>([
    ['a passport without a number', without('passport', 'number'), 422],
    ['a passport without its last day', without('passport', 'expiresOn'), 422],
    ['a driving licence without its last day', without('driving_licence', 'expiresOn'), 422],
    ['a residence permit without a number', without('residence_permit', 'number'), 422],
    ['a card without a number', without('national_id', 'number'), 422],
    ['a card that is good for ever', without('national_id', 'expiresOn'), 201],
    ['a bill with neither', without('proof_of_address', 'number', 'expiresOn'), 201],
    ['a passport whose zone says both', upload({ mrz: passportZone(ZONE) }), 201],
  ])('by %s', async (_title, form, status) => {
    const { path, answer } = await send(form);
    expect(answer.status).toBe(status);
    if (form.get('type') === 'national_id' && status === 201) {
      expect(await noticesOf(path)).toEqual(['expiry_unknown', 'image_small']);
    }
  });

  test('is of somebody who stands behind the legal person, and of nobody else', async () => {
    const { answer } = await send(upload({ partyId: newId() }));
    expect(answer).toMatchObject({ status: 422, body: { code: 'document_party_unknown' } });
  });
});

describe('a document', () => {
  test('may be taken back until it is handed in, counts for nothing then, and its file is kept', async () => {
    const customer = await desk.newPerson();
    const path = await begin(customer);
    const { body } = await desk.call(customer, 'POST', `${path}/documents`, upload());
    const stranger = await desk.newPerson();
    const document = `${path}/documents/${body.id}`;
    expect((await desk.call(stranger, 'DELETE', document)).status).toBe(404);
    expect((await desk.call(customer, 'DELETE', document)).status).toBe(204);
    expect((await desk.call(customer, 'DELETE', document)).status).toBe(404);
    expect((await desk.call(customer, 'POST', `${path}/submit`)).body.code).toBe('documents_missing');
    expect(await storedIn(path)).toHaveLength(1);
    await desk.call(customer, 'POST', `${path}/documents`, upload());
    await desk.certify(customer, path);
    expect((await desk.call(customer, 'POST', `${path}/submit`)).status).toBe(200);
    const [, second] = await storedIn(path);
    const late = await desk.call(customer, 'DELETE', `${path}/documents/${second?.id}`);
    expect(late.body.code).toBe('application_not_editable');
    await desk.settle();
  });
});

describe('a person', () => {
  test('whom the firm rejected is known again under another login, and needs a senior person', async () => {
    const name = { firstName: 'Éloïse', lastName: 'Van der Wyck' };
    const declared = { birthDate: '1980-02-03' };
    const first = await desk.newPerson(name);
    const rejected = await desk.apply(first, declared);
    await desk.call(desk.officer, 'POST', `${rejected}/reject`, REASON);
    const again = await desk.newPerson({ firstName: 'Eloise', lastName: 'VAN DER WYCK' });
    const path = await desk.apply(again, declared);
    expect(await noticesOf(path)).toEqual([
      'person_seen_elsewhere',
      'barred_person_seen_elsewhere',
      'image_small',
    ]);
    expect((await desk.call(desk.officer, 'POST', `${path}/approve`, REASON)).status).toBe(202);
    const another = await desk.apply(await desk.newPerson(name), { birthDate: '1980-03-02' });
    expect(await noticesOf(another)).toEqual(['image_small']);
  });
});
