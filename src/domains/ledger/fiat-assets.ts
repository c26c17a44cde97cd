import { sql } from 'drizzle-orm';
import { type Ctx, perDeps } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { arrayParameter } from '../../platform/db/insert-rows.ts';
import { readColumns } from '../../platform/db/read-columns.ts';
import { refuseLedger } from './errors.ts';
import { assets } from './schema.ts';

/** What kinds of assets this process has met; no login may change an asset. */
const kindsMet = perDeps(() => new Map<string, (typeof assets.$inferSelect)['kind']>());

/**
 * Which of some assets are currencies, which have no lots; from memory where this process has met them before.
 * @errors unknown_asset
 */
export async function fiatAmong(tx: Tx, ctx: Ctx, codes: Iterable<string>): Promise<ReadonlySet<string>> {
  const kinds = kindsMet(ctx.deps);
  const asked = [...new Set(codes)];
  const unknown = asked.filter((code) => !kinds.has(code));
  if (unknown.length > 0) {
    const wanted = sql.param(arrayParameter('text', unknown));
    const rows = await readColumns(
      tx,
      assets,
      ['code', 'kind'],
      sql`${assets} where code = any (${wanted}::text[])`,
    );
    if (rows.length < unknown.length) {
      throw refuseLedger('unknown_asset');
    }
    for (const { code, kind } of rows) {
      kinds.set(code, kind);
    }
  }
  return new Set(asked.filter((code) => kinds.get(code) === 'fiat'));
}
