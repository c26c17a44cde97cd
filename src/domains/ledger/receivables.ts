/**
 * What people owe the firm: a house wallet of its own for each debtor and asset, at or below zero. House
 * wallets are no customer's rows, so callers read them on a login that sees them and say whose they ask for.
 */
import { and, asc, desc, eq, inArray, lt, sql } from 'drizzle-orm';
import { type Amount, amountOf } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import { wallets } from './schema.ts';

export type Receivable = {
  readonly id: Id;
  /** The user who owes it. */
  readonly debtor: string;
  readonly asset: string;
  readonly amount: Amount;
};

/** The live wallets in which these persons owe or owed an asset. */
export async function receivableWallets(
  tx: Tx,
  userIds: readonly Id[],
  asset: string,
): Promise<readonly Id[]> {
  if (userIds.length === 0) {
    return [];
  }
  const rows = await tx
    .select({ id: wallets.id })
    .from(wallets)
    .where(
      and(
        eq(wallets.houseRole, 'receivable'),
        eq(wallets.book, 'live'),
        eq(wallets.asset, asset),
        inArray(wallets.houseReference, [...userIds]),
      ),
    );
  return rows.map((row) => row.id);
}

/** Debts above nothing, newest first; everybody's where no debtor is named. */
export async function readReceivables(
  tx: Tx,
  debtor: string | undefined,
  page: { readonly before?: Id | undefined; readonly limit: number },
): Promise<Receivable[]> {
  const rows = await tx
    .select({ id: wallets.id, debtor: wallets.houseReference, asset: wallets.asset, total: wallets.total })
    .from(wallets)
    .where(
      and(
        eq(wallets.houseRole, 'receivable'),
        eq(wallets.book, 'live'),
        sql`${wallets.total} < 0`,
        debtor === undefined ? undefined : eq(wallets.houseReference, debtor),
        page.before === undefined ? undefined : lt(wallets.id, page.before),
      ),
    )
    .orderBy(desc(wallets.id))
    .limit(page.limit);
  return rows.map(({ total, debtor: reference, ...row }) => ({
    ...row,
    debtor: present(reference, 'a house wallet has its reference'),
    amount: amountOf(-total),
  }));
}

export type PayingWallet = {
  readonly id: Id;
  readonly userId: Id;
  readonly accountId: Id;
  readonly asset: string;
};

/** Live customer wallets with settled, free money of an asset their owner owes. */
export async function payingWallets(tx: Tx): Promise<readonly PayingWallet[]> {
  const rows = await tx
    .select({ id: wallets.id, userId: wallets.userId, accountId: wallets.accountId, asset: wallets.asset })
    .from(wallets)
    .where(
      and(
        eq(wallets.book, 'live'),
        eq(wallets.status, 'active'),
        sql`${wallets.accountId} is not null and ${wallets.total} > ${wallets.reserved} + ${wallets.unsettled}`,
        sql`exists (select 1 from wallets owed where owed.house_role = 'receivable' and owed.book = 'live'
          and owed.asset = ${wallets.asset} and owed.total < 0
          and owed.house_reference = ${wallets.userId}::text)`,
      ),
    )
    .orderBy(asc(wallets.id));
  return rows.map(({ id, userId, accountId, asset }) => ({
    id,
    asset,
    userId: present(userId, 'a customer wallet has its owner'),
    accountId: present(accountId, 'a customer wallet has its account'),
  }));
}
