import { present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { depositEvent } from './funding-events.ts';
import { newPaymentReference } from './payment-reference.ts';
import { deposits } from './schema.ts';
import type { Deposit } from './store.ts';

type Announced = Pick<
  Deposit,
  'userId' | 'accountId' | 'walletId' | 'asset' | 'amount' | 'fee' | 'method' | 'provider' | 'metadata'
> &
  Partial<Pick<Deposit, 'providerReference'>>;

/**
 * Writes a deposit as it begins: announced, and credited with nothing.
 * @effects one row of `deposits`; audit `deposit.created`; event `funding.deposit_created`
 */
export async function recordDeposit(tx: Tx, ctx: Ctx, announced: Announced): Promise<Deposit> {
  const [row] = await tx
    .insert(deposits)
    .values({
      ...announced,
      id: newId(),
      paymentReference: newPaymentReference(),
      status: 'pending',
      createdAt: ctx.deps.clock.now(),
    })
    .returning();
  const deposit = present(row, 'the deposit was inserted');
  await record(tx, ctx, {
    event: FUNDING_EVENTS['deposit.created'],
    resource: { type: 'deposit', id: deposit.id },
    subjectUserId: deposit.userId,
    after: deposit,
  });
  await publish(tx, ctx, [depositEvent('funding.deposit_created', deposit)]);
  return deposit;
}
