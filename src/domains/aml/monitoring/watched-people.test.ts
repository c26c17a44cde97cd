/** What stands in place of foreign keys: whom watched activity names is there, and stays. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type SQL, sql } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import postgres from 'postgres';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';
import { type FundingDesk, startFundingDesk } from '../../../testing/funding-desk.ts';
import { amlDomain } from '../index.ts';
import { monitoringChecks } from './checks.ts';

const FOREIGN_KEY = '23503';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file, [amlDomain]);
});

afterAll(async () => {
  await desk.close();
});

type Named = { readonly userId: Id; readonly linkedUserId: Id | null };

const activities = (named: readonly Named[]) => sql`
  insert into monitored_activity (id, source, source_id, kind, is_market, user_id, linked_user_id, occurred_at,
    collected_at, direction, data)
  values ${sql.join(
    named.map(
      ({ userId, linkedUserId }) => sql`(${newId()}::uuid, 'named', ${newId()}, 'fill', true, ${userId}::uuid,
        ${linkedUserId}::uuid, now(), now(), 'none', '{}')`,
    ),
    sql`, `,
  )}`;

const store = (named: readonly Named[]) =>
  desk.deps.db.engine.execute(activities(named)).then(() => 'stored', sqlStateOf);

describe('whom watched activity names', () => {
  test('is there, in each row of a statement and whoever writes it', async () => {
    const [one, other] = [(await desk.newCustomer()).userId, (await desk.newCustomer()).userId];
    const whole: readonly Named[] = [
      { userId: one, linkedUserId: other },
      { userId: other, linkedUserId: one },
      { userId: one, linkedUserId: null },
    ];
    expect(await store(whole)).toBe('stored');
    expect(await store([...whole, { userId: newId(), linkedUserId: null }])).toBe(FOREIGN_KEY);
    expect(await store([{ userId: one, linkedUserId: newId() }, ...whole])).toBe(FOREIGN_KEY);
  });

  test('cannot be taken away', async () => {
    const { engine, staff, app } = desk.deps.db;
    for (const login of [engine, staff, app]) {
      const refused = await login.execute(sql`delete from users where false`).catch(sqlStateOf);
      expect(refused).toBe('42501');
    }
  });

  test.each([
    'update monitored_activity set user_id = gen_random_uuid()',
    'update monitored_activity set linked_user_id = gen_random_uuid()',
  ])('is looked at by reconcile: %s', async (plant) => {
    const { userId } = await desk.newCustomer();
    await store([{ userId, linkedUserId: null }]);
    const check = present(
      monitoringChecks.find(({ name }) => name === 'aml.watched_people_exist'),
      'the check exists',
    );
    const owner = postgres({ ...desk.database.owner, max: 1, onnotice: () => {} });
    const dialect = new PgDialect();
    const found: number[] = [];
    await owner
      .begin(async (tx) => {
        for (const table of ['monitored_activity', 'users']) {
          await tx.unsafe(`alter table ${table} no force row level security`);
          await tx.unsafe(`alter table ${table} disable trigger user`);
        }
        const execute = async (query: SQL) => {
          const { sql: text, params } = dialect.sqlToQuery(query);
          return tx.unsafe(text, params as never[]);
        };
        found.push((await check.run({ execute } as unknown as Tx)).breaks.length);
        await tx.unsafe(plant);
        found.push((await check.run({ execute } as unknown as Tx)).breaks.length);
        throw new Error('rolled back');
      })
      .catch((error: Error) => expect(error.message).toBe('rolled back'));
    await owner.end({ timeout: 5 });
    expect(found[0]).toBe(0);
    expect(found[1]).toBeGreaterThan(0);
  });
});
