import { hasRole } from '../../kernel/actor.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { FUNDING_EVENTS } from './audit.ts';
import type { Destination } from './destination.ts';
import type { TravelRule } from './ivms101.ts';
import { openTravelRule } from './kept-travel-rule.ts';
import { destinationOfWithdrawal, findWithdrawal, type Withdrawal } from './store.ts';

/** Staff whose work needs the payee; the others see that there is one. */
const READERS_OF_DESTINATIONS = ['operations', 'compliance_officer', 'mlro'] as const;

type Detail = Omit<Withdrawal, 'destination' | 'travelRule'> & {
  readonly destination: Destination | null;
  readonly travelRule: TravelRule | null;
};

/**
 * One withdrawal with where it is paid to, unless the person was erased; for the staff who hand it on also with what
 * travels with its coins. Reading somebody else's payee leaves a trace.
 * @effects for staff who see the payee: audit `withdrawal.destination_read`
 * @errors not_found
 */
export async function getWithdrawal(ctx: Ctx, withdrawalId: Id): Promise<Detail> {
  return transact(ctx, ctx.login, async (tx) => {
    const withdrawal = await findWithdrawal(tx, ctx, withdrawalId);
    const isStaff = ctx.login === 'staff';
    if (isStaff && !hasRole(ctx.actor, ...READERS_OF_DESTINATIONS)) {
      return { ...withdrawal, destination: null, travelRule: null };
    }
    const erased = (await ctx.deps.personKeys.find(tx, withdrawal.userId)) === undefined;
    const destination = erased ? null : await destinationOfWithdrawal(tx, ctx, withdrawal);
    const travelRule = erased || !isStaff ? null : await openTravelRule(tx, ctx, withdrawal);
    if (isStaff) {
      await record(tx, ctx, {
        event: FUNDING_EVENTS['withdrawal.destination_read'],
        resource: { type: 'withdrawal', id: withdrawal.id },
        subjectUserId: withdrawal.userId,
        after: withdrawal,
      });
    }
    return { ...withdrawal, destination, travelRule };
  });
}
