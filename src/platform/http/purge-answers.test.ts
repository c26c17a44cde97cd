import { afterAll, beforeAll, expect, test } from 'bun:test';
import { newId } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { idempotencyKeys } from '../db/schema.ts';
import { purgeKeptAnswers } from './purge-answers.ts';

const DAY_MS = 86_400_000;

let foundation: Foundation;

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
});
afterAll(() => foundation.close());

test('answers kept for retries go after thirty days, and not one that is younger', async () => {
  const { deps, system } = foundation;
  const ages = [0, 1, 29, 31, 400];
  const now = deps.clock.realNow();
  await deps.db.engine.insert(idempotencyKeys).values(
    ages.map((days) => ({
      id: newId(),
      scopeId: newId(),
      method: 'POST',
      path: '/v1/transfers',
      key: `${days} days`,
      userId: newId(),
      requestHash: new Uint8Array(32),
      createdAt: addMs(now, -days * DAY_MS),
    })),
  );
  await purgeKeptAnswers(system);
  await purgeKeptAnswers(system);
  const left = await deps.db.engine.select({ key: idempotencyKeys.key }).from(idempotencyKeys);
  expect(left.map(({ key }) => key).toSorted()).toEqual(['0 days', '1 days', '29 days']);
});
