import { afterAll, beforeAll, expect, test } from 'bun:test';
import { sql } from 'drizzle-orm';
import { type Foundation, startFoundation } from '../../../testing/foundation.ts';
import { until } from '../../../testing/until.ts';
import { tradingEngine } from './trading-engine.ts';

let foundation: Foundation;

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
});
afterAll(() => foundation.close());

test('a start that fails keeps no session, which would keep the books from the next one', async () => {
  const { deps } = foundation;
  // The first look around fails: the database is there, the pool is not.
  const broken = { ...deps, db: { ...deps.db, engine: null as never } };
  const started = tradingEngine(broken).start();
  expect(
    await started.then(
      () => 'started',
      () => 'failed',
    ),
  ).toBe('failed');
  await until(async () => {
    const [row] = await deps.db.engine.execute<{ count: number }>(sql`
      select count(*)::int as count from pg_stat_activity
      where datname = current_database() and query ilike 'listen %'`);
    return row?.count === 0;
  });
});
