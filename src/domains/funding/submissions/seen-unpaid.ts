import { and, eq, sql } from 'drizzle-orm';
import { addDays, dayOf } from '../../../kernel/business-date.ts';
import { type Instant, msOfInstant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { requireAsset } from '../../ledger/index.ts';
import { bankAccounts } from '../evidence/schema.ts';
import { isCovered } from '../payouts/is-covered.ts';
import { namelessDebit } from '../payouts/nameless-debit.ts';
import { bankWallets } from '../receipts.ts';
import { EXECUTION_GRACE_DAYS, HOUSE_REFERENCE } from '../settings.ts';
import type { Withdrawal } from '../store.ts';

/**
 * Through which day a payment of a withdrawal may still show: days after the last of what speaks for one, of which none
 * can be before it was asked for.
 * @units YYYY-MM-DD, inclusive
 */
export function showsUntil(
  { deps: { timeZone } }: Ctx,
  { createdAt }: Withdrawal,
  moments: readonly (Instant | null | undefined)[],
): string {
  const known = [createdAt, ...moments.flatMap((moment) => moment ?? [])];
  const last = known.reduce((one, other) => (msOfInstant(other) > msOfInstant(one) ? other : one));
  return addDays(dayOf(last, timeZone), EXECUTION_GRACE_DAYS);
}

/**
 * Whether a signed reconciliation saw all days on which a withdrawal may have been paid: of money the statements of the
 * account that providers pay from, which the caller asks for its debit, with no debit left to explain that may be it; of
 * units, where no statement names a payment, that the custodian has no less than the books now.
 * @shape `from`: before it nobody can have paid it
 */
export async function isSeenUnpaid(
  tx: Tx,
  ctx: Ctx,
  { asset, amount }: Withdrawal,
  { from, until }: { readonly from: Instant; readonly until: string },
): Promise<boolean> {
  if ((await requireAsset(tx, asset)).kind !== 'fiat') {
    return agreesWithCustodian(tx, ctx, asset, until);
  }
  const [account] = await tx
    .select()
    .from(bankAccounts)
    .where(
      and(
        eq(bankAccounts.currency, asset),
        // The firm's own account may bear the same reference: its statements show no payout of a customer.
        eq(bankAccounts.houseRole, 'client_money_bank'),
        eq(bankAccounts.houseReference, HOUSE_REFERENCE),
      ),
    );
  if (account === undefined || !(await isCovered(tx, account.id, dayOf(from, ctx.deps.timeZone), until))) {
    return false;
  }
  const { bank: walletId } = await bankWallets(tx, ctx, account);
  return (await namelessDebit(tx, { walletId, amount })) === undefined;
}

/**
 * By a report whose newest run agrees, and of which one that does was signed, with none behind it that a run did not use
 * yet, or found otherwise: an older one says nothing of what left after it. A difference either way may hide a payment; and
 * a report that waits for a second person may show it.
 */
async function agreesWithCustodian(tx: Tx, ctx: Ctx, asset: string, until: string): Promise<boolean> {
  const { firmName } = ctx.deps;
  const rows = await tx.execute(sql`
    with reports as (
      select p.as_of, p.standing, found.difference, coalesce(found.is_signed, false) as is_signed
      from custody_reports p left join lateral (
        select (array_agg(view.difference order by r.completed_at desc, r.id desc))[1] as difference,
          bool_or(s.run_id is not null and view.difference = 0) as is_signed
        from reconciliation_runs r
          cross join lateral (select (c ->> 'difference')::numeric as difference
            from jsonb_array_elements(r.results -> 'custody') c
            where c ->> 'reportId' = p.id::text and c ->> 'asset' = ${asset}) view
          left join reconciliation_sign_offs s on s.run_id = r.id
        where r.legal_entity = ${firmName} and r.business_date >= p.as_of) found on true
      where p.status = 'imported' and p.standing <> 'void' and p.legal_entity = ${firmName}
        and p.house_role = 'custody' and p.custodian = ${HOUSE_REFERENCE} and p.as_of >= ${until})
    select 1 from reports seen
    where seen.standing = 'confirmed' and seen.is_signed and seen.difference = 0
      and not exists (select 1 from reports newer where newer.as_of > seen.as_of
        and (newer.standing <> 'confirmed' or newer.difference is distinct from 0))
    limit 1`);
  return rows.length > 0;
}
