import { sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { type Ctx, perDeps } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { arrayParameter } from '../../platform/db/insert-rows.ts';
import { readColumns } from '../../platform/db/read-columns.ts';
import { wallets } from './schema.ts';

const FACTS = ['id', 'userId', 'accountId', 'houseRole', 'houseReference', 'book', 'asset'] as const;

/** What a wallet is and whose; no login may change any of it, so that it may be remembered. */
export type WalletFacts = Pick<typeof wallets.$inferSelect, (typeof FACTS)[number]>;

const REMEMBERED_MAX = 200_000;

const remembered = perDeps(() => new Map<Id, WalletFacts>());

/**
 * What wallets are, from memory where this process has met them before.
 * @errors AssertionError when one does not exist
 */
export async function walletFacts(
  tx: Tx,
  ctx: Ctx,
  walletIds: readonly Id[],
): Promise<ReadonlyMap<Id, WalletFacts>> {
  const known = remembered(ctx.deps);
  const unknown = walletIds.filter((id) => !known.has(id));
  if (unknown.length > 0) {
    const wanted = sql.param(arrayParameter('uuid', unknown));
    const rows = await readColumns(tx, wallets, FACTS, sql`${wallets} where id = any (${wanted}::uuid[])`);
    const found = new Map(rows.map((wallet) => [wallet.id, wallet]));
    for (const id of unknown) {
      remember(known, present(found.get(id), 'an entry names a wallet that exists'));
    }
  }
  return known;
}

function remember(known: Map<Id, WalletFacts>, wallet: WalletFacts): void {
  const oldest = known.size >= REMEMBERED_MAX ? known.keys().next().value : undefined;
  if (oldest !== undefined) {
    known.delete(oldest);
  }
  known.set(wallet.id, wallet);
}
