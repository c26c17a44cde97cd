import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { type IdentityDesk, type Person, startIdentityDesk } from '../../testing/identity-desk.ts';
import { MAX_SETTINGS, putSetting } from './put-setting.ts';
import { userSettings } from './schema.ts';

let desk: IdentityDesk;

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

async function as(person: Person, method: string, path: string, body?: object) {
  const token = await desk.tokenOf(person);
  return desk.request(method, `/v1/me/settings${path}`, { token, ...(body === undefined ? {} : { body }) });
}

test('keeps any JSON value under its name, and lists the names', async () => {
  const person = await desk.newPerson();
  const values = { 'desk.layout': { panes: [1, { open: true }] }, theme: 'dark', zoom: 1.25, last: null };
  for (const [name, value] of Object.entries(values)) {
    expect((await as(person, 'PUT', `/${name}`, { value })).body).toMatchObject({ name, value });
    expect((await as(person, 'GET', `/${name}`)).body).toMatchObject({ name, value });
  }
  expect((await as(person, 'PUT', '/theme', { value: 'light' })).status).toBe(200);
  expect((await as(person, 'GET', '/theme')).body.value).toBe('light');
  const { data } = (await as(person, 'GET', '')).body;
  expect(data.map((row: { name: string }) => row.name)).toEqual(Object.keys(values).toSorted());
  expect(data[0].value).toBeUndefined();
});

test('seals what a setting says, and records its name alone', async () => {
  const person = await desk.newPerson();
  await as(person, 'PUT', '/note', { value: 'call Anjali about the loan' });
  const [row] = await desk.deps.db.engine.execute<{ row: string }>(
    sql`select s::text as row from user_settings s where user_id = ${person.userId}`,
  );
  expect(row?.row).not.toContain(Buffer.from('Anjali').toString('hex'));
  const [event] = await desk.auditOf(person.userId, 'setting.changed');
  expect(event?.after).toEqual({ name: 'note' });
});

test('is one’s own: nobody else finds it', async () => {
  const [mine, other] = [await desk.newPerson(), await desk.newPerson()];
  await as(mine, 'PUT', '/theme', { value: 'dark' });
  expect((await as(other, 'GET', '/theme')).status).toBe(404);
  expect((await as(other, 'GET', '')).body.data).toEqual([]);
  await as(other, 'PUT', '/theme', { value: 'light' });
  expect((await as(mine, 'GET', '/theme')).body.value).toBe('dark');
});

test('refuses names, sizes and numbers beyond the limits, and keeps nothing of them', async () => {
  const person = await desk.newPerson();
  const put = (name: string, value: unknown) => as(person, 'PUT', `/${name}`, { value });
  expect((await put('Theme', 1)).status).toBe(404);
  expect((await put('a'.repeat(65), 1)).status).toBe(404);
  expect((await put('theme', 'x'.repeat(16 * 1024))).status).toBe(413);
  const ctx = desk.ctx(person.actor);
  for (let kept = 0; kept < MAX_SETTINGS - 1; kept += 1) {
    await putSetting(ctx, `setting${kept}`, kept);
  }
  const racing = await Promise.all(['one', 'two', 'three'].map((name) => put(name, 1)));
  expect(racing.map(({ status }) => `${status}`).toSorted()).toEqual(['200', '422', '422']);
  expect((await put('setting0', 'again')).status).toBe(200);
  const rows = await desk.deps.db.engine
    .select({ name: userSettings.name })
    .from(userSettings)
    .where(eq(userSettings.userId, person.userId));
  expect(rows).toHaveLength(MAX_SETTINGS);
});

test('refuses a value nested beyond what readers can follow, without falling over it', async () => {
  const person = await desk.newPerson();
  const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
  expect((await as(person, 'PUT', '/deep', { value: nested(20) })).status).toBe(200);
  expect((await as(person, 'PUT', '/deep', { value: nested(5_000) })).status).toBe(422);
  expect((await as(person, 'GET', '/deep')).body.value).toEqual(nested(20));
});
