import type { Amount } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { findAccount } from '../accounts/index.ts';
import { instrumentOf } from '../markets/index.ts';
import { limitsInForce } from './read-state.ts';
import { bindingLimit, generalLimits, type LimitRow, type LimitScope, type LimitType } from './rules.ts';
import { riskLimitType } from './schema.ts';

/** A limit as it binds: neither on what it was set, which is not to be told from its form, nor by whom, when or why. */
type BindingLimit = {
  readonly type: LimitType;
  readonly value: Amount;
  readonly currency: string | null;
};

/**
 * The limits that bind orders of an account just now, in an instrument, or in any that has none of its own.
 * @errors not_found
 */
export async function getAccountLimits(ctx: Ctx, accountId: Id, symbol: string | undefined) {
  const { account, instrument } = await transact(ctx, ctx.login, async (tx) => ({
    account: await findAccount(tx, ctx, accountId),
    instrument: symbol === undefined ? null : await instrumentOf(tx, symbol),
  }));
  // Limits are no rows of a customer's: who asks was proved above, and what is shown of them is chosen below.
  const limits = await transact(ctx, ctx.login === 'staff' ? 'staff' : 'engine', (tx) => {
    const traded = instrument === null ? [] : [instrument.id, instrument.baseAsset];
    return limitsInForce(tx, ctx, [account.id, account.userId, ...traded]);
  });
  const rowsOf = (scope: LimitScope, scopeId: string) =>
    limits.filter((limit) => limit.scope === scope && limit.scopeId === scopeId);
  const owner = { accountId: account.id, userId: account.userId };
  const binding = riskLimitType.enumValues.flatMap((type) => {
    if (instrument === null) {
      return generalLimits(rowsOf, type, owner);
    }
    const { id: instrumentId, baseAsset: asset, quoteAsset: currency } = instrument;
    const traded = { ...owner, ownAccounts: [], instrumentId, asset, currency };
    return bindingLimit(rowsOf, type, traded) ?? [];
  });
  return { accountId: account.id, symbol: symbol ?? null, limits: binding.map(shownToOwner) };
}

function shownToOwner({ type, value, currency }: LimitRow): BindingLimit {
  return { type, value, currency };
}
