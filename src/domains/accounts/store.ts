import { and, asc, desc, eq, gt, lt, sql } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import type { Id } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { arrayParameter } from '../../platform/db/insert-rows.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { namesOf, readColumns } from '../../platform/db/read-columns.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../platform/http/cursor.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { accounts } from './schema.ts';

export type Account = typeof accounts.$inferSelect;

/**
 * An account the caller may see: a customer's own, any for staff and machines. Another's answers as
 * one that does not exist, on every login.
 * @errors not_found
 */
export async function findAccount(tx: Tx, ctx: Ctx, accountId: Id): Promise<Account> {
  const [account] = await tx.select().from(accounts).where(eq(accounts.id, accountId));
  return visible(ctx, account);
}

/**
 * The same, locked until the transaction ends. Take gates first.
 * @errors not_found
 */
export async function lockAccount(tx: Tx, ctx: Ctx, accountId: Id): Promise<Account> {
  return visible(ctx, await lockRow(tx, accounts, accountId));
}

/** Accounts by id, without a look at who asks: for batches that proved ownership before. */
export async function accountsByIds(tx: Tx, accountIds: readonly Id[]): Promise<ReadonlyMap<Id, Account>> {
  const ids = [...new Set(accountIds)];
  const wanted = sql.param(arrayParameter('uuid', ids));
  const rows =
    ids.length === 0
      ? []
      : await readColumns(
          tx,
          accounts,
          namesOf(accounts),
          sql`${accounts} where id = any (${wanted}::uuid[])`,
        );
  return new Map(rows.map((account) => [account.id, account]));
}

/** Accounts in the order of their ids, page by page, for work over all of them. */
export async function accountsAfter(tx: Tx, after: Id | null, limit: number): Promise<readonly Account[]> {
  return tx
    .select()
    .from(accounts)
    .where(after === null ? undefined : gt(accounts.id, after))
    .orderBy(asc(accounts.id))
    .limit(limit);
}

/** The ids of everything people trade with, in each book. @shape by `<user> <book>` */
export async function accountsOfUsers(
  tx: Tx,
  userIds: readonly Id[],
): Promise<ReadonlyMap<string, readonly Id[]>> {
  const wanted = sql.param(arrayParameter('uuid', [...new Set(userIds)]));
  const rows = await readColumns(
    tx,
    accounts,
    ['id', 'userId', 'type'],
    sql`${accounts} where user_id = any (${wanted}::uuid[])`,
  );
  return Map.groupBy(rows, (row) => `${row.userId} ${row.type}`)
    .entries()
    .reduce(
      (byOwner, [owner, owned]) =>
        byOwner.set(
          owner,
          owned.map(({ id }) => id),
        ),
      new Map<string, readonly Id[]>(),
    );
}

export type AccountQuery = PageRequest & {
  readonly type?: Account['type'] | undefined;
  /** Staff only: the accounts of one customer. */
  readonly userId?: Id | undefined;
};

/** The caller's accounts, or everybody's for staff, newest first. @errors invalid_cursor */
export async function listAccounts(ctx: Ctx, query: AccountQuery): Promise<Page<Account>> {
  const owner = ctx.login === 'staff' ? query.userId : (personOf(ctx.actor) ?? undefined);
  const listing = `accounts ${owner ?? 'all'} ${query.type ?? 'all'}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx) => {
    const [before] = query.cursor === undefined ? [] : readCursor(key, listing, query.cursor);
    const rows = await tx
      .select()
      .from(accounts)
      .where(
        and(
          owner === undefined ? undefined : eq(accounts.userId, owner),
          query.type === undefined ? undefined : eq(accounts.type, query.type),
          before === undefined ? undefined : lt(accounts.id, before),
        ),
      )
      .orderBy(desc(accounts.id))
      .limit(query.limit + 1);
    return cutPage(key, listing, rows, query.limit, (account) => [account.id]);
  });
}

function visible(ctx: Ctx, account: Account | undefined): Account {
  const { actor } = ctx;
  const machine = actor.kind === 'job' || actor.kind === 'system' || actor.kind === 'webhook';
  if (account === undefined || !(machine || ctx.login === 'staff' || personOf(actor) === account.userId)) {
    throw refuse('not_found');
  }
  return account;
}
