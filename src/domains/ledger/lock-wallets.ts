import type { InferSelectModel } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockColumns, lockFreeRows } from '../../platform/db/locks.ts';
import { wallets } from './schema.ts';

const LOCKED = [
  'id',
  'userId',
  'accountId',
  'houseRole',
  'houseReference',
  'book',
  'asset',
  'total',
  'reserved',
  'unsettled',
  'marginShort',
  'hasPositions',
  'status',
  'version',
  'lastEntryAt',
] as const;

/** What a money path needs to know of a wallet, true until the transaction ends. */
export type LockedWallet = Pick<InferSelectModel<typeof wallets>, (typeof LOCKED)[number]>;

/** Locks wallets in id order and reads them; take gates before. */
export async function lockWallets(tx: Tx, walletIds: readonly Id[]): Promise<ReadonlyMap<Id, LockedWallet>> {
  const rows = await lockColumns(tx, wallets, LOCKED, walletIds);
  return new Map(rows.map((wallet) => [wallet.id, wallet]));
}

/** Locks those of some wallets that nobody holds, in id order; the others are left alone. */
export async function lockFreeWallets(tx: Tx, walletIds: readonly Id[]): Promise<ReadonlySet<Id>> {
  return new Set(await lockFreeRows(tx, wallets, walletIds));
}
