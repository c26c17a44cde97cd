import { and, asc, eq, gt, isNotNull, or, sql } from 'drizzle-orm';
import type { Instant } from '../../kernel/time.ts';
import {
  type Activity,
  type ActivitySource,
  FIRST_ID,
  NO_ACTIVITY,
  positionById,
} from '../../platform/activity.ts';
import { beneficiaries, deposits, withdrawals } from './schema.ts';
import type { Beneficiary, Deposit, Withdrawal } from './store.ts';

/** What is told of a withdrawal, which may not be stored yet. */
export type WithdrawalFacts = Pick<
  Withdrawal,
  'id' | 'userId' | 'accountId' | 'asset' | 'amount' | 'method' | 'beneficiaryId' | 'createdAt'
>;

/** When a request came to its end. */
const endedAt = sql<Instant>`coalesce(${withdrawals.completedAt}, ${withdrawals.decidedAt})`.mapWith(
  withdrawals.completedAt,
);

/** Money that was credited; read by when, since a deposit is announced long before. */
const depositSource: ActivitySource = {
  name: 'funding.deposits',
  read: async (tx, after, limit) => {
    const [at, id = FIRST_ID] = after === '' ? [] : after.split('/');
    const clearedAt = sql`${deposits.clearedAt}`;
    const rows = await tx
      .select()
      .from(deposits)
      .where(
        and(
          isNotNull(deposits.clearedAt),
          at === undefined
            ? undefined
            : or(
                sql`${clearedAt} > ${at}::timestamptz`,
                sql`${clearedAt} = ${at}::timestamptz and ${deposits.id} > ${id}`,
              ),
        ),
      )
      .orderBy(asc(deposits.clearedAt), asc(deposits.id))
      .limit(limit);
    return rows.map((row) => ({
      activity: depositActivity(row),
      position: `${row.clearedAt}/${row.id}`,
    }));
  },
  positionAt: ({ business }) => `${business}/${FIRST_ID}`,
};

const withdrawalSource: ActivitySource = {
  name: 'funding.withdrawals',
  read: async (tx, after, limit) => {
    const rows = await tx
      .select({ withdrawal: withdrawals, payee: beneficiaries })
      .from(withdrawals)
      .innerJoin(beneficiaries, eq(beneficiaries.id, withdrawals.beneficiaryId))
      .where(gt(withdrawals.id, after === '' ? FIRST_ID : after))
      .orderBy(asc(withdrawals.id))
      .limit(limit);
    return rows.map(({ withdrawal, payee }) => ({
      activity: withdrawalActivity(withdrawal, payee),
      position: withdrawal.id,
    }));
  },
  positionAt: positionById,
};

const beneficiarySource: ActivitySource = {
  name: 'funding.beneficiaries',
  read: async (tx, after, limit) => {
    const rows = await tx
      .select()
      .from(beneficiaries)
      .where(gt(beneficiaries.id, after === '' ? FIRST_ID : after))
      .orderBy(asc(beneficiaries.id))
      .limit(limit);
    return rows.map((row) => ({
      activity: {
        ...NO_ACTIVITY,
        source: 'funding.beneficiaries',
        sourceId: row.id,
        kind: 'beneficiary_added',
        userId: row.userId,
        occurredAt: row.createdAt,
        counterpartyIndex: row.destinationIndex,
        data: { beneficiaryKind: row.kind },
      },
      position: row.id,
    }));
  },
  positionAt: positionById,
};

/** Requests that came to an end: paid, refused, or taken back by the customer. */
const endSource: ActivitySource = {
  name: 'funding.withdrawal_ends',
  read: async (tx, after, limit) => {
    const [at, id = FIRST_ID] = after === '' ? [] : after.split('/');
    const rows = await tx
      .select({ withdrawal: withdrawals, payee: beneficiaries, endedAt })
      .from(withdrawals)
      .innerJoin(beneficiaries, eq(beneficiaries.id, withdrawals.beneficiaryId))
      .where(
        and(
          // In these words, since the index is of them.
          sql`${withdrawals.status} in ('completed', 'cancelled', 'rejected')`,
          at === undefined
            ? undefined
            : or(
                sql`${endedAt} > ${at}::timestamptz`,
                sql`${endedAt} = ${at}::timestamptz and ${withdrawals.id} > ${id}`,
              ),
        ),
      )
      .orderBy(endedAt, asc(withdrawals.id))
      .limit(limit);
    return rows.map(({ withdrawal, payee, endedAt: occurredAt }) => ({
      activity: {
        ...withdrawalActivity(withdrawal, payee),
        source: 'funding.withdrawal_ends',
        kind: 'withdrawal_ended',
        occurredAt,
        data: { end: withdrawal.status },
      },
      position: `${occurredAt}/${withdrawal.id}`,
    }));
  },
  positionAt: ({ business }) => `${business}/${FIRST_ID}`,
};

/** What funding tells of money in and out. */
export const fundingActivity: readonly ActivitySource[] = [
  depositSource,
  withdrawalSource,
  endSource,
  beneficiarySource,
];

/** A deposit that was credited. */
export function depositActivity(deposit: Deposit): Activity {
  return {
    ...NO_ACTIVITY,
    source: 'funding.deposits',
    sourceId: deposit.id,
    kind: 'deposit',
    userId: deposit.userId,
    accountId: deposit.accountId,
    occurredAt: (deposit.clearedAt ?? deposit.createdAt) as Instant,
    asset: deposit.asset,
    amount: deposit.amount,
    direction: 'in',
    data: { method: deposit.method },
  };
}

/** A withdrawal that was asked for, and whom it goes to. */
export function withdrawalActivity(
  withdrawal: WithdrawalFacts,
  payee: Pick<Beneficiary, 'destinationIndex' | 'createdAt'>,
): Activity {
  return {
    ...NO_ACTIVITY,
    source: 'funding.withdrawals',
    sourceId: withdrawal.id,
    kind: 'withdrawal_requested',
    userId: withdrawal.userId,
    accountId: withdrawal.accountId,
    occurredAt: withdrawal.createdAt,
    asset: withdrawal.asset,
    amount: withdrawal.amount,
    direction: 'out',
    counterpartyIndex: payee.destinationIndex,
    data: {
      method: withdrawal.method,
      beneficiaryId: withdrawal.beneficiaryId,
      payeeAddedAt: payee.createdAt,
    },
  };
}
