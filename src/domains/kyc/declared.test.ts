import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { transact } from '../../platform/db/transact.ts';
import {
  type ComplianceDesk,
  declarationOf,
  dump,
  type Person,
  startComplianceDesk,
  upload,
} from '../../testing/compliance-desk.ts';
import { declaredBy } from './declared.ts';
import { kycApplications } from './schema.ts';

const REASON = { reason: 'The picture is too dark' };
const HOME = { street: '12 Royal Road', city: 'Curepipe', country: 'MUS' };

let desk: ComplianceDesk;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  await desk.loadList(['x-9,person,Nobody Whosoever,,1900-01-01,,,TEST,']);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

function declared(person: Person) {
  return transact(desk.system, 'engine', async (tx) =>
    (await declaredBy(tx, desk.system, [person.userId])).get(person.userId),
  );
}

/** Sends an application back, and has its applicant say another name and home in it, unseen. */
async function sentBackAndEdited(person: Person, path: string): Promise<void> {
  const { version } = (await desk.call(desk.officer, 'POST', `${path}/request-resubmission`, REASON)).body;
  const edited = await desk.request('PATCH', path, {
    token: person.token,
    headers: { 'if-match': `"${version}"` },
    body: {
      declaration: {
        ...declarationOf(person),
        lastName: 'Otherwise',
        address: { ...HOME, city: 'Elsewhere' },
      },
    },
  });
  expect(edited.status).toBe(200);
}

describe('what the firm says of somebody', () => {
  test('is what they handed in, not what they edited since it was sent back', async () => {
    const person = await desk.newPerson();
    const path = await desk.apply(person);
    await sentBackAndEdited(person, path);
    expect(await declared(person)).toMatchObject({
      declaration: { lastName: person.lastName, address: HOME },
      company: null,
    });
  });

  test('is what they handed in again, once they did', async () => {
    const person = await desk.newPerson();
    const path = await desk.apply(person);
    await sentBackAndEdited(person, path);
    await desk.call(person, 'POST', `${path}/documents`, upload());
    await desk.certify(person, path);
    expect((await desk.call(person, 'POST', `${path}/submit`)).body.status).toBe('submitted');
    expect(await declared(person)).toMatchObject({ declaration: { address: { city: 'Elsewhere' } } });
  });

  test('is what was approved, whatever was handed in since', async () => {
    const person = await desk.newPerson();
    const path = await desk.apply(person);
    expect((await desk.call(desk.officer, 'POST', `${path}/approve`, REASON)).status).toBe(200);
    const again = await desk.apply(person, { address: { ...HOME, city: 'Quatre Bornes' } });
    expect(await declared(person)).toMatchObject({ declaration: { address: HOME } });
    await sentBackAndEdited(person, again);
    expect(await declared(person)).toMatchObject({ declaration: { address: HOME } });
  });

  test('is nothing where all there is was sent back before it was kept, and may have been edited', async () => {
    const person = await desk.newPerson();
    const path = await desk.apply(person);
    await sentBackAndEdited(person, path);
    const mine = eq(kycApplications.userId, person.userId);
    await desk.deps.db.engine.update(kycApplications).set({ handedIn: null }).where(mine);
    expect(await declared(person)).toBeUndefined();
  });

  test('rests sealed', async () => {
    const person = await desk.newPerson();
    await desk.apply(person, { address: { ...HOME, street: 'Zwyx Lane' } });
    expect(await dump(desk, ['kyc_applications'])).not.toContain('Zwyx');
  });
});
