import { inArray, sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import type { Wallet } from './post-journals.ts';
import { wallets } from './schema.ts';

/** Names a wallet by its account and asset. */
export type WalletName = { readonly accountId: Id; readonly asset: string };

/** One key per wallet name, for maps. */
export function walletKey(name: WalletName): string {
  return `${name.accountId} ${name.asset}`;
}

/**
 * The wallets of many accounts at once, without locking them.
 * @shape by `walletKey`; a wallet that was never made is missing
 */
export async function findWallets(
  tx: Tx,
  names: readonly WalletName[],
): Promise<ReadonlyMap<string, Wallet>> {
  if (names.length === 0) {
    return new Map();
  }
  const accountIds = sql.param(names.map((name) => name.accountId));
  const assets = sql.param(names.map((name) => name.asset));
  const rows = await tx
    .select()
    .from(wallets)
    .where(
      inArray(
        sql`(${wallets.accountId}, ${wallets.asset})`,
        sql`(select account_id::uuid, asset from unnest(${accountIds}::text[], ${assets}::text[]) as n (account_id, asset))`,
      ),
    );
  return new Map(
    rows.map((wallet) => [walletKey({ accountId: wallet.accountId ?? '', asset: wallet.asset }), wallet]),
  );
}
