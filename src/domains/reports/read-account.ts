import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { findAccount } from '../accounts/index.ts';
import { marginFigures } from '../trading/index.ts';

/** One account, with what it has behind its positions. @errors not_found */
export async function getAccount(ctx: Ctx, accountId: Id) {
  return transact(ctx, ctx.login, async (tx) => {
    const account = await findAccount(tx, ctx, accountId);
    return { ...account, margin: await marginFigures(tx, accountId) };
  });
}
