import { sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import { arrayParameter } from '../../platform/db/insert-rows.ts';
import { readColumns } from '../../platform/db/read-columns.ts';
import type { Wallet } from './post-journals.ts';
import { wallets } from './schema.ts';

/** Names a wallet by its account and asset. */
export type WalletName = { readonly accountId: Id; readonly asset: string };

/** One key per wallet name, for maps. */
export function walletKey(name: WalletName): string {
  return `${name.accountId} ${name.asset}`;
}

const FOUND = ['id', 'userId', 'accountId', 'book', 'asset', 'total', 'reserved', 'status'] as const;

/** What is known of a wallet that nobody locked. */
export type FoundWallet = Pick<Wallet, (typeof FOUND)[number]>;

/**
 * The wallets of many accounts at once, without locking them.
 * @shape by `walletKey`; a wallet that was never made is missing
 */
export async function findWallets(
  tx: Tx,
  names: readonly WalletName[],
): Promise<ReadonlyMap<string, FoundWallet>> {
  const wanted = [...new Map(names.map((name) => [walletKey(name), name])).values()];
  if (wanted.length === 0) {
    return new Map();
  }
  const accountIds = sql.param(
    arrayParameter(
      'uuid',
      wanted.map((name) => name.accountId),
    ),
  );
  const assets = sql.param(
    arrayParameter(
      'text',
      wanted.map((name) => name.asset),
    ),
  );
  const rows = await readColumns(
    tx,
    wallets,
    FOUND,
    // A look-up for each, however many they are: OFFSET keeps it from becoming a join that reads all wallets.
    sql`unnest(${accountIds}::uuid[], ${assets}::text[]) as wanted (account_id, asset) cross join lateral (
      select * from ${wallets} w where w.account_id = wanted.account_id and w.asset = wanted.asset offset 0) as wallets`,
  );
  return new Map(
    rows.map((wallet) => [walletKey({ accountId: wallet.accountId ?? '', asset: wallet.asset }), wallet]),
  );
}
