import { afterAll, beforeAll, expect, test } from 'bun:test';
import { newId } from '../../kernel/id.ts';
import { type IdentityDesk, startIdentityDesk } from '../../testing/identity-desk.ts';
import { accounts } from './schema.ts';

let desk: IdentityDesk;

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
});

afterAll(async () => {
  await desk.close();
});

test('reconcile finds an account without a default, and one that is closed but does not say when', async () => {
  const { userId } = await desk.newPerson();
  const at = desk.deps.clock.now();
  const account = { userId, name: 'Live', baseCurrency: 'USD', createdAt: at, updatedAt: at };
  await desk.deps.db.engine.insert(accounts).values([
    { ...account, id: newId(), type: 'live', status: 'active', isDefault: false },
    { ...account, id: newId(), type: 'paper', status: 'closed', isDefault: true },
  ]);
  const found = (await desk.breaks()).map((line) => line.split(':')[0] ?? '').toSorted();
  expect(found).toEqual(['accounts.closed_say_when', 'accounts.one_default_per_type']);
});
