import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq, sql } from 'drizzle-orm';
import { identityDomain } from '../../domains/identity/index.ts';
import { settingPlace } from '../../domains/identity/settings.ts';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { type IdentityDesk, startIdentityDesk } from '../../testing/identity-desk.ts';
import { startNode } from '../../testing/second-node.ts';
import { until } from '../../testing/until.ts';
import type { Ciphertext } from '../db/columns.ts';
import { transact } from '../db/transact.ts';
import { countToReseal, resealColumn } from './reseal.ts';
import { rotateData } from './rotate-data.ts';
import { activatePersonKeys, publishPersonKeys } from './rotate-person-keys.ts';
import { keyRotations } from './schema.ts';
import { openText, sealText } from './seal.ts';
import type { SealedColumn } from './sealed-columns.ts';
import { wrapsInUse } from './wrapped-keys.ts';

const ROWS = 1_200;

let desk: IdentityDesk;

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
});
afterAll(() => desk.close());
afterEach(async () => {
  await desk.deps.db.engine.execute(sql`delete from user_settings`);
});

function settingsColumn(): SealedColumn {
  return present(
    desk.deps.sealedColumns.find(({ table }) => table === 'user_settings'),
    'settings are sealed',
  );
}

/** A person with many settings, more than two batches of them. */
async function collector(): Promise<Id> {
  const { userId } = await desk.newPerson();
  const key = await transact(desk.system, 'engine', (tx) => desk.deps.personKeys.of(tx, userId));
  const names = Array.from({ length: ROWS }, (_, index) => `setting-${index}`);
  const sealed = names.map((name) =>
    Buffer.from(sealText(key, settingPlace(userId, name), JSON.stringify(name))).toString('hex'),
  );
  await desk.deps.db.engine.execute(sql`
    insert into user_settings (user_id, name, value, updated_at)
    select ${userId}, name, decode(value, 'hex'), now()
    from unnest(${sql.param(names)}::text[], ${sql.param(sealed)}::text[]) as t (name, value)`);
  return userId;
}

async function settingsOf(userId: Id) {
  return desk.deps.db.engine.execute<{ name: string; value: Uint8Array }>(
    sql`select name, value from user_settings where user_id = ${userId} order by name`,
  );
}

describe('a rotation', () => {
  test('that was broken off goes on behind its last batch, counts each value once, and loses none', async () => {
    const userId = await collector();
    const column = settingsColumn();
    await rotateKeyOf(userId);
    const ctx = { ...desk.system, requestId: newId() };
    const broken = resealColumn(ctx, column, (done) => {
      if (done >= 500) {
        throw new Error('killed');
      }
    });
    expect(await broken.catch((error: Error) => error.message)).toBe('killed');
    const running = and(eq(keyRotations.tableName, 'user_settings'), eq(keyRotations.status, 'running'));
    const [row] = await desk.deps.db.engine.select().from(keyRotations).where(running);
    expect([row?.rowsDone, await countToReseal(desk.system, column)]).toEqual([500, ROWS - 500]);
    // Two at once take turns; together they do what is left, and nothing twice.
    await Promise.all([resealColumn(ctx, column, () => {}), resealColumn(ctx, column, () => {})]);
    expect(await countToReseal(desk.system, column)).toBe(0);
    const key = await transact(desk.system, 'engine', (tx) => desk.deps.personKeys.of(tx, userId));
    const rows = await settingsOf(userId);
    expect(rows).toHaveLength(ROWS);
    for (const { name, value } of rows) {
      const newest = { id: key.id, key: key.key };
      expect(openText(newest, settingPlace(userId, name), value as Ciphertext)).toBe(JSON.stringify(name));
    }
    const [recorded] = await desk.deps.db.engine.execute<{ count: number }>(sql`
      select sum((after ->> 'count')::int)::int as count from audit_logs
      where event_type = 'sealed_column.resealed' and request_id = ${ctx.requestId}`);
    expect(recorded?.count).toBe(ROWS);
  });

  test('leaves a value that does not open as it is, tells of it, and does the others', async () => {
    const userId = await collector();
    await desk.deps.db.engine.execute(sql`
      update user_settings set value = set_byte(value, 30, get_byte(value, 30) # 1)
      where user_id = ${userId} and name = 'setting-7'`);
    await rotateKeyOf(userId);
    const { unreadable } = await resealColumn(desk.system, settingsColumn(), () => {});
    expect([unreadable, await countToReseal(desk.system, settingsColumn())]).toEqual([1, 1]);
  });

  test('while others write loses no write, and another node reads and writes with what it knew', async () => {
    const userId = await collector();
    const node = startNode(desk, [identityDomain]);
    await rotateKeyOf(userId, () => node.deps.personKeys.forgetAll());
    const key = await transact({ ...desk.system, deps: node.deps }, 'engine', (tx) =>
      node.deps.personKeys.of(tx, userId),
    );
    let resealing = true;
    const rotating = resealColumn(desk.system, settingsColumn(), () => {}).finally(() => {
      resealing = false;
    });
    let written = 0;
    while (resealing || written < 20) {
      const name = `setting-${(written * 37) % ROWS}`;
      const value = sealText(key, settingPlace(userId, name), JSON.stringify(`written ${written}`));
      await node.deps.db.engine.execute(sql`
        update user_settings set value = decode(${Buffer.from(value).toString('hex')}, 'hex')
        where user_id = ${userId} and name = ${name}`);
      const [row] = (await settingsOf(userId)).filter((setting) => setting.name === name);
      expect(openText(key, settingPlace(userId, name), row?.value as Ciphertext)).toBe(
        `"written ${written}"`,
      );
      written += 1;
    }
    await rotating;
    for (const { name, value } of await settingsOf(userId)) {
      expect(openText(key, settingPlace(userId, name), value as Ciphertext)).toStartWith('"');
    }
    await node.close();
  });

  test('goes on where somebody is erased in the same moment', async () => {
    const [gone, stays] = [(await desk.newPerson()).userId, (await desk.newPerson()).userId];
    const [erasing, erased] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const erasure = desk.deps.db.engine.transaction(async (tx) => {
      await tx.execute(sql`delete from person_keys where user_id = ${gone}`);
      erasing.resolve();
      await erased.promise;
    });
    await erasing.promise;
    const publishing = publishPersonKeys(desk.system, 'everybody', () => {});
    // The rotation waits for the erasure to be decided.
    await until(async () => {
      const [row] = await desk.deps.db.engine.execute<{ waiting: boolean }>(sql`
        select exists (select from pg_stat_activity where datname = current_database()
          and wait_event_type = 'Lock' and query ilike '%person_key_versions%') as waiting`);
      return row?.waiting === true;
    });
    erased.resolve();
    await Promise.all([erasure, publishing]);
    const rows = await desk.deps.db.engine.execute<{ user_id: string }>(
      sql`select user_id from person_key_versions where user_id in (${gone}, ${stays}) and status = 'next'`,
    );
    expect(rows.map((row) => row.user_id)).toEqual([stays]);
  });

  test('whole, of everybody, leaves nothing under an old key and every key under the active root key', async () => {
    await desk.newPerson();
    const steps = new Set<string>();
    const plan = { house: false, people: 'everybody', aheadMs: 0 } as const;
    const result = await rotateData(desk.system, plan, (step) => steps.add(step));
    expect([result.left, result.unreadable]).toEqual([0, 0]);
    expect([...steps]).toContain('users.email');
    const wraps = await wrapsInUse(desk.deps);
    expect(new Set(wraps.map(({ keyId }) => keyId))).toEqual(
      new Set([desk.deps.keyring.wrapKeyIds[0] ?? '']),
    );
  });
});

/** Another data key for one person; `between` is when every node has heard of it. */
async function rotateKeyOf(userId: Id, between: () => void = () => {}): Promise<void> {
  await publishPersonKeys(desk.system, userId, () => {});
  between();
  await activatePersonKeys(desk.system, userId, 0, () => {});
}
