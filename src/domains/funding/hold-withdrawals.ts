import { and, eq, inArray } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { raiseAlarm } from '../../platform/alarms/raise-alarm.ts';
import { lockOpenApprovals } from '../../platform/approvals/open-approvals.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import type { Consumer } from '../../platform/outbox/consumer.ts';
import { noteMoneyInFlight } from '../aml/index.ts';
import { isRestricted, lockGates } from '../identity/index.ts';
import { askMoreCheckers } from './ask-more-checkers.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { withdrawalMayBecome } from './rules.ts';
import { withdrawals } from './schema.ts';
import type { Withdrawal } from './store.ts';
import { APPROVE_WITHDRAWAL } from './withdrawal-payload.ts';

/** Holds what a person who was restricted or shut out wanted paid out; safe to run twice. */
export const holdWithdrawals: Consumer = {
  name: 'funding.hold_withdrawals',
  types: ['identity.gate_restricted', 'identity.user_suspended'],
  handle: (ctx, event) => holdWithdrawalsOf(ctx, present(event.userId, 'both are told of a person')),
};

/**
 * Puts the withdrawals that have not left before two people and the MLRO, whoever had approved them; of those
 * that may be on their way somebody is told at once. Each is a transaction of its own.
 * @effects as `holdOne`, for each
 */
async function holdWithdrawalsOf(ctx: Ctx, userId: Id): Promise<void> {
  const open = await transact(ctx, 'engine', (tx) =>
    tx
      .select({ id: withdrawals.id })
      .from(withdrawals)
      .where(
        and(
          eq(withdrawals.userId, userId),
          inArray(withdrawals.status, ['pending', 'under_review', 'approved', 'processing', 'unknown']),
        ),
      )
      .orderBy(withdrawals.id),
  );
  for (const { id } of open) {
    await transact(ctx, 'engine', (tx) => holdOne(tx, ctx, userId, id));
  }
}

/**
 * Holds one, where its customer is restricted or shut out.
 * @effects the withdrawal and its approvals; audit `withdrawal.under_review`, event
 *   `funding.withdrawal_under_review`; or the alarm `withdrawal.in_flight`
 */
export async function holdOne(tx: Tx, ctx: Ctx, userId: Id, withdrawalId: Id): Promise<void> {
  const open = await lockOpenApprovals(tx, withdrawalId);
  const gate = (await lockGates(tx, [userId])).get(userId);
  if (!isRestricted(gate, 'money_out')) {
    return;
  }
  const withdrawal = present(await lockRow(tx, withdrawals, withdrawalId), 'withdrawals are never deleted');
  if (withdrawal.status === 'processing' || withdrawal.status === 'unknown') {
    await tellInFlight(tx, ctx, withdrawal);
    return;
  }
  const isHeld = withdrawal.status === 'under_review' && open.some(needsMlro);
  if (
    isHeld ||
    (withdrawal.status !== 'under_review' && !withdrawalMayBecome(withdrawal.status, 'under_review'))
  ) {
    return;
  }
  await askMoreCheckers(tx, ctx, withdrawal, {
    open,
    mlro: true,
    reason: 'The account is restricted: looked at again',
  });
}

/** Money that may have left cannot be held; whoever can still stop it has to know now. */
async function tellInFlight(tx: Tx, ctx: Ctx, withdrawal: Withdrawal): Promise<void> {
  const isNew = await noteMoneyInFlight(tx, ctx, withdrawal.userId, withdrawal.id);
  if (isNew) {
    await raiseAlarm(tx, ctx, {
      event: FUNDING_EVENTS['withdrawal.in_flight'],
      resource: { type: 'withdrawal', id: withdrawal.id },
      subjectUserId: withdrawal.userId,
      after: withdrawal,
    });
  }
}

function needsMlro({
  action,
  quorum,
  checkerRoles,
}: {
  action: string;
  quorum: number;
  checkerRoles: string[];
}) {
  return action === APPROVE_WITHDRAWAL && quorum >= 2 && checkerRoles.includes('mlro');
}
