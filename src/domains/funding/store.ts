import { and, eq, inArray, ne, sql } from 'drizzle-orm';
import { type Amount, formatAmount, MAX_AMOUNT, parseAmount } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import type { Instant } from '../../kernel/time.ts';
import { openedOrNull } from '../../platform/alarms/unreadable.ts';
import type { Ctx } from '../../platform/context.ts';
import { openJson, openText } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { ownRows } from '../../platform/db/own-rows.ts';
import { approvals, approvalVotes } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import type { PageRequest } from '../../platform/http/cursor.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { beneficiaryPlace, type Destination, withdrawalPlace } from './destination.ts';
import { matching, newestFirst, type Period, within } from './newest-first.ts';
import { readPaymentReference } from './payment-reference.ts';
import {
  type DepositStatus,
  type FundingMethod,
  type LimitUse,
  VOID_WITHDRAWAL_STATUSES,
  type WithdrawalStatus,
} from './rules.ts';
import { beneficiaries, deposits, withdrawals } from './schema.ts';
import { REVIEW_WINDOW_HOURS } from './settings.ts';

export type Deposit = typeof deposits.$inferSelect;
export type Beneficiary = typeof beneficiaries.$inferSelect;
export type Withdrawal = typeof withdrawals.$inferSelect;

type Filters = Period & {
  readonly accountId?: Id | undefined;
  readonly userId?: Id | undefined;
  readonly asset?: string | undefined;
  readonly method?: FundingMethod | undefined;
};

export type DepositQuery = PageRequest &
  Filters & { readonly status?: DepositStatus | undefined; readonly paymentReference?: string | undefined };

export type WithdrawalQuery = PageRequest &
  Filters & { readonly status?: WithdrawalStatus | undefined; readonly beneficiaryId?: Id | undefined };

export type BeneficiaryQuery = PageRequest & { readonly userId?: Id | undefined };

/** One deposit the caller may see. @errors not_found */
export async function findDeposit(tx: Tx, ctx: Ctx, depositId: Id): Promise<Deposit> {
  const [deposit] = await tx
    .select()
    .from(deposits)
    .where(and(eq(deposits.id, depositId), ownRows(ctx, deposits.userId)));
  return found(deposit);
}

/** One beneficiary the caller may see. @errors not_found */
export async function findBeneficiary(tx: Tx, ctx: Ctx, beneficiaryId: Id): Promise<Beneficiary> {
  const [beneficiary] = await tx
    .select()
    .from(beneficiaries)
    .where(and(eq(beneficiaries.id, beneficiaryId), ownRows(ctx, beneficiaries.userId)));
  return found(beneficiary);
}

/** One withdrawal the caller may see. @errors not_found */
export async function findWithdrawal(tx: Tx, ctx: Ctx, withdrawalId: Id): Promise<Withdrawal> {
  const [withdrawal] = await tx
    .select()
    .from(withdrawals)
    .where(and(eq(withdrawals.id, withdrawalId), ownRows(ctx, withdrawals.userId)));
  return found(withdrawal);
}

/** Deposits the caller may see, newest first. @errors invalid_cursor */
export async function listDeposits(ctx: Ctx, query: DepositQuery): Promise<Page<Deposit>> {
  const { limit, cursor, paymentReference: written, ...filters } = query;
  const reference = written === undefined ? undefined : (readPaymentReference(written) ?? '');
  const listing = { name: 'deposits', id: deposits.id, filters: [filters, reference] };
  return newestFirst(ctx, { limit, cursor }, listing, (tx, behind, order, count) =>
    tx
      .select()
      .from(deposits)
      .where(
        and(
          ownRows(ctx, deposits.userId),
          matching(deposits.accountId, filters.accountId),
          matching(deposits.userId, filters.userId),
          matching(deposits.status, filters.status),
          matching(deposits.asset, filters.asset),
          matching(deposits.method, filters.method),
          matching(deposits.paymentReference, reference),
          within(deposits.createdAt, filters),
          behind,
        ),
      )
      .orderBy(order)
      .limit(count),
  );
}

/** Withdrawals the caller may see, newest first. @errors invalid_cursor */
export async function listWithdrawals(ctx: Ctx, query: WithdrawalQuery): Promise<Page<Withdrawal>> {
  const { limit, cursor, ...filters } = query;
  const listing = { name: 'withdrawals', id: withdrawals.id, filters };
  return newestFirst(ctx, { limit, cursor }, listing, (tx, behind, order, count) =>
    tx
      .select()
      .from(withdrawals)
      .where(
        and(
          ownRows(ctx, withdrawals.userId),
          matching(withdrawals.accountId, filters.accountId),
          matching(withdrawals.userId, filters.userId),
          matching(withdrawals.status, filters.status),
          matching(withdrawals.asset, filters.asset),
          matching(withdrawals.method, filters.method),
          matching(withdrawals.beneficiaryId, filters.beneficiaryId),
          within(withdrawals.createdAt, filters),
          behind,
        ),
      )
      .orderBy(order)
      .limit(count),
  );
}

/**
 * Beneficiaries the caller may see, newest first. Labels are the customer's own words: staff
 * get none.
 * @errors invalid_cursor
 */
export async function listBeneficiaries(
  ctx: Ctx,
  query: BeneficiaryQuery,
): Promise<Page<Omit<Beneficiary, 'label'> & { readonly label: string | null }>> {
  const { limit, cursor, ...filters } = query;
  return transact(ctx, ctx.login, async (tx) => {
    const listing = { name: 'beneficiaries', id: beneficiaries.id, filters };
    const page = await newestFirst({ ...ctx, tx }, { limit, cursor }, listing, (_tx, behind, order, count) =>
      tx
        .select()
        .from(beneficiaries)
        .where(
          and(
            ownRows(ctx, beneficiaries.userId),
            ne(beneficiaries.status, 'removed'),
            matching(beneficiaries.userId, filters.userId),
            behind,
          ),
        )
        .orderBy(order)
        .limit(count),
    );
    const keys = await ctx.deps.personKeys.ofMany(
      tx,
      ctx.login === 'staff' ? [] : page.data.map((row) => row.userId),
    );
    const labelled = page.data.map((row) => {
      const key = keys.get(row.userId);
      return {
        ...row,
        status: ctx.login === 'staff' ? row.status : shownStatus(row.status),
        label:
          key === undefined
            ? null
            : openedOrNull(ctx, () => openText(key, beneficiaryPlace('label', row.id), row.label)),
      };
    });
    return { ...page, data: labelled };
  });
}

/**
 * What customers see of a beneficiary's status. One that waits for a review of its name looks like any other:
 * whoever adds a name to learn whether it is listed learns nothing, and their gate stops the money (no tipping off).
 */
export function shownStatus(status: Beneficiary['status']): Beneficiary['status'] {
  return status === 'pending' ? 'active' : status;
}

/** What a beneficiary's row says about where it is paid. @errors SealError */
export async function destinationOfBeneficiary(tx: Tx, ctx: Ctx, row: Beneficiary): Promise<Destination> {
  const key = await ctx.deps.personKeys.of(tx, row.userId);
  return openJson<Destination>(key, beneficiaryPlace('destination', row.id), row.destination);
}

/** The withdrawal's own copy of its destination. @errors SealError */
export async function destinationOfWithdrawal(tx: Tx, ctx: Ctx, row: Withdrawal): Promise<Destination> {
  const key = await ctx.deps.personKeys.of(tx, row.userId);
  return openJson<Destination>(key, withdrawalPlace(row.id), row.destination);
}

/** The approvals a withdrawal ever had, with their votes, oldest first; staff only. @errors not_found */
export async function listWithdrawalApprovals(ctx: Ctx, withdrawalId: Id) {
  return transact(ctx, 'staff', async (tx) => {
    await findWithdrawal(tx, ctx, withdrawalId);
    const rows = await tx
      .select()
      .from(approvals)
      .where(and(eq(approvals.subjectType, 'withdrawal'), eq(approvals.subjectId, withdrawalId)))
      .orderBy(approvals.id);
    const votes = await tx
      .select()
      .from(approvalVotes)
      .where(
        inArray(
          approvalVotes.approvalId,
          rows.map((row) => row.id),
        ),
      )
      .orderBy(approvalVotes.votedAt);
    return rows.map((row) => ({ ...row, votes: votes.filter((vote) => vote.approvalId === row.id) }));
  });
}

type LimitSubject = {
  readonly userId: Id;
  readonly kycLevel: string;
  readonly method: FundingMethod;
  readonly at: Instant;
};

/**
 * The withdrawal limits of a level and method, of every asset, and what this person used of each in its rolling
 * window. Counted under the caller's lock, else two requests would each see room for one.
 * @units windows end at `at`, exclusive of their start
 */
export async function withdrawalLimitUses(tx: Tx, subject: LimitSubject): Promise<readonly LimitUse[]> {
  const rows = await tx.execute<{ asset: string; window_hours: number; maximum: string; used: string }>(sql`
    select l.asset, l.window_hours, l.maximum, coalesce((
      select sum(w.amount) from withdrawals w
      where w.user_id = ${subject.userId} and w.asset = l.asset and w.method = l.method
        and w.created_at > ${subject.at}::timestamptz - make_interval(hours => l.window_hours)
        and w.status::text <> all (${sql.param([...VOID_WITHDRAWAL_STATUSES])}::text[])), 0) as used
    from funding_limits l
    where l.kyc_level = ${subject.kycLevel} and l.method = ${subject.method} and l.direction = 'withdrawal'`);
  return rows.map((row) => ({
    asset: row.asset,
    windowHours: row.window_hours,
    maximum: parseAmount(row.maximum),
    used: parseAmount(row.used),
  }));
}

type Asked = Pick<LimitSubject, 'userId' | 'at'> & { readonly asset: string; readonly amount: Amount };

/**
 * What a person asks for now and asked for within the last day of each asset, whatever the way: who splits an amount
 * is looked at as who does not. Counted under the lock of the limits.
 * @units each its asset; no more than amounts can hold
 */
export async function askedInDay(
  tx: Tx,
  { userId, asset, amount, at }: Asked,
): Promise<ReadonlyMap<string, bigint>> {
  const rows = await tx.execute<{ asset: string; sum: string }>(sql`
    select asset, least(sum(amount), ${formatAmount(MAX_AMOUNT)}::numeric)::text as sum
    from withdrawals
    where user_id = ${userId}
      and created_at > ${at}::timestamptz - make_interval(hours => ${REVIEW_WINDOW_HOURS})
      and status::text <> all (${sql.param([...VOID_WITHDRAWAL_STATUSES])}::text[])
    group by asset`);
  const before = new Map<string, bigint>(rows.map((row) => [row.asset, parseAmount(row.sum)]));
  return before.set(asset, amount + (before.get(asset) ?? 0n));
}

function found<Row>(row: Row | undefined): Row {
  if (row === undefined) {
    throw refuse('not_found');
  }
  return row;
}
