import { and, desc, eq, lt, or } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Page } from '../../../kernel/page.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { findAccount } from '../../accounts/index.ts';
import { transfers } from '../schema.ts';
import type { Transfer } from './ticket.ts';

export type TransferPage = PageRequest & {
  /** Those that left or reached one account. */
  readonly accountId?: Id | undefined;
  /** Staff only: the transfers of one customer. */
  readonly userId?: Id | undefined;
};

/** The caller's transfers, or everybody's for staff, newest first. @errors not_found, invalid_cursor */
export async function listTransfers(ctx: Ctx, page: TransferPage): Promise<Page<Transfer>> {
  const asked = ownerOf(ctx, page.userId);
  const { accountId } = page;
  const listing = `transfers ${asked ?? 'all'} ${accountId ?? 'all'}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx) => {
    // An account's transfers are among its owner's, which an index finds.
    const owner = accountId === undefined ? asked : (await findAccount(tx, ctx, accountId)).userId;
    const [before] = page.cursor === undefined ? [] : readCursor(key, listing, page.cursor);
    const rows = await tx
      .select()
      .from(transfers)
      .where(
        and(
          owner === undefined ? undefined : eq(transfers.userId, owner),
          asked === undefined ? undefined : eq(transfers.userId, asked),
          accountId === undefined
            ? undefined
            : or(eq(transfers.fromAccountId, accountId), eq(transfers.toAccountId, accountId)),
          before === undefined ? undefined : lt(transfers.id, before),
        ),
      )
      .orderBy(desc(transfers.id))
      .limit(page.limit + 1);
    return cutPage(key, listing, rows, page.limit, (row) => [row.id]);
  });
}

/** One transfer. @errors not_found */
export async function getTransfer(ctx: Ctx, transferId: Id): Promise<Transfer> {
  const owner = ownerOf(ctx, undefined);
  return transact(ctx, ctx.login, async (tx) => {
    const [transfer] = await tx
      .select()
      .from(transfers)
      .where(
        and(eq(transfers.id, transferId), owner === undefined ? undefined : eq(transfers.userId, owner)),
      );
    if (transfer === undefined) {
      throw refuse('not_found');
    }
    return transfer;
  });
}

function ownerOf(ctx: Ctx, asked: Id | undefined): Id | undefined {
  return ctx.login === 'staff' ? asked : present(personOf(ctx.actor), 'customers are people');
}
