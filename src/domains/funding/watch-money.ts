import { eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Activity } from '../../platform/activity.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { monitorCredit, monitorMoney } from '../aml/index.ts';
import { depositActivity, type WithdrawalFacts, withdrawalActivity } from './activity-source.ts';
import type { Counterparty } from './camt-053.ts';
import { customerNameOf } from './customer-name.ts';
import { type Destination, placeIndex } from './destination.ts';
import { isSameHolder } from './holder-name.ts';
import { beneficiaries } from './schema.ts';
import { counterpartyOf } from './statement-store.ts';
import type { Deposit } from './store.ts';

/** An account number that begins with its country. */
const IBAN = /^([A-Z]{2})\d{2}[A-Z0-9]{8,}$/;

/**
 * Holds a withdrawal that is being asked for against the monitoring rules, before it is decided who looks at it.
 * @effects those of `monitorMoney`
 * @shape whether it waits for two people and the MLRO, whatever its amount
 */
export async function isWithdrawalHeld(
  tx: Tx,
  ctx: Ctx,
  withdrawal: WithdrawalFacts,
  destination: Destination,
): Promise<boolean> {
  const [payee] = await tx.select().from(beneficiaries).where(eq(beneficiaries.id, withdrawal.beneficiaryId));
  const watched = await monitorMoney(tx, ctx, {
    ...withdrawalActivity(withdrawal, present(payee, 'the payee was locked')),
    counterpartyCountry: destination.kind === 'bank' ? destination.bic.slice(4, 6) : null,
  });
  return watched === 'hold';
}

/**
 * Holds money that was just credited against the monitoring rules. It is the customer's: where the rules find
 * enough, the gate shuts with the credit, whose caller holds it exclusively.
 * @effects those of `monitorCredit`
 */
export async function watchDeposit(tx: Tx, ctx: Ctx, deposit: Deposit, payerName?: string): Promise<void> {
  const payer =
    deposit.statementLineId === null
      ? { name: payerName ?? null, account: null, bank: null }
      : await counterpartyOf(tx, ctx, deposit.statementLineId);
  const activity = depositActivity(deposit);
  await monitorCredit(tx, ctx, await withPayer(tx, ctx, activity, payer));
}

/**
 * Adds who paid: the account they paid from, or where there is none the name if it is another's. The country is the
 * account's, or where the account does not say one its bank's.
 */
async function withPayer(
  tx: Tx,
  ctx: Ctx,
  activity: Activity,
  from: Pick<Counterparty, 'name' | 'account' | 'bank'> | null,
): Promise<Activity> {
  const { name, account, bank } = { name: null, account: null, bank: null, ...from };
  const { keyring } = ctx.deps;
  const isOther = name !== null && !isSameHolder(name, await customerNameOf(tx, ctx, activity.userId));
  const payer = name === null ? 'unnamed' : isOther ? 'other' : 'customer';
  const country = account === null ? undefined : IBAN.exec(account)?.[1];
  return {
    ...activity,
    counterpartyIndex:
      country !== undefined && account !== null
        ? placeIndex(keyring, 'bank', account)
        : isOther
          ? keyring.blindIndex('aml.payer', name)
          : null,
    counterpartyCountry: country ?? bank?.slice(4, 6) ?? null,
    data: { ...activity.data, payer },
  };
}
