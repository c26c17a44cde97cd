import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { type Id, newId } from '../../kernel/id.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import type { Tx } from '../db/client.ts';
import { personKeys } from '../db/schema.ts';
import { buildPersonKeys, type PersonKeys } from './person-keys.ts';

let foundation: Foundation;
let keys: PersonKeys;

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
});
afterAll(async () => {
  await foundation.close();
});

const inTx = <Result>(work: (tx: Tx) => Promise<Result>) => foundation.deps.db.engine.transaction(work);

async function newPerson(): Promise<Id> {
  keys = buildPersonKeys(foundation.deps.keyring);
  const userId = newId();
  await inTx((tx) => keys.create(tx, userId, foundation.deps.clock.realNow()));
  return userId;
}

const destroy = (userId: Id) => inTx((tx) => tx.delete(personKeys).where(eq(personKeys.userId, userId)));

test('a person without a key is found by nobody, and missing among many', async () => {
  const [alive, erased] = [await newPerson(), newId()];
  await inTx(async (tx) => {
    expect(await keys.find(tx, erased)).toBeUndefined();
    expect([...(await keys.ofMany(tx, [alive, erased, alive])).keys()]).toEqual([alive]);
    expect(keys.of(tx, erased)).rejects.toThrow('the person has a data key');
  });
});

test('a key is believed from memory until it is forgotten', async () => {
  const userId = await newPerson();
  await inTx((tx) => keys.of(tx, userId));
  await destroy(userId);
  expect(await inTx((tx) => keys.find(tx, userId))).toBeDefined();
  keys.forget(userId);
  expect(await inTx((tx) => keys.find(tx, userId))).toBeUndefined();
});

test('a key that was read before its end is not kept after it', async () => {
  const userId = await newPerson();
  const reading = await inTx(async (tx) => {
    // The snapshot of this transaction is older than the end of the key.
    await tx.execute(sql`set transaction isolation level repeatable read`);
    await tx.execute(sql`select count(*) from person_keys`);
    await destroy(userId);
    keys.forget(userId);
    return keys.find(tx, userId);
  });
  expect(reading).toBeDefined();
  expect(await inTx((tx) => keys.find(tx, userId))).toBeUndefined();
});

test('what was being read while all was forgotten is not kept', async () => {
  const userId = await newPerson();
  await inTx(async (tx) => {
    const reading = keys.find(tx, userId);
    keys.forgetAll();
    expect(await reading).toBeDefined();
  });
  await destroy(userId);
  expect(await inTx((tx) => keys.find(tx, userId))).toBeUndefined();
});
