/**
 * What money costs that people give to an account. Who announced it, and took that back or let it run out, is asked the
 * fee that they were shown: cancelling saves nothing. What nobody was shown a fee for costs nothing.
 */
import { and, eq, isNull } from 'drizzle-orm';
import { type Amount, minAmount, ZERO } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import { readGates } from '../identity/index.ts';
import { requireAsset } from '../ledger/index.ts';
import { fundingFee } from './funding-fee.ts';
import type { FundingMethod } from './rules.ts';
import { deposits } from './schema.ts';

type Paid = {
  readonly userId: Id;
  readonly asset: string;
  readonly amount: Amount;
  /** How it was paid, where somebody says so. */
  readonly method: FundingMethod | null;
  /** The deposit that its reference names. */
  readonly namedId: Id | null;
};

export type Terms = {
  readonly method: FundingMethod;
  readonly fee: Amount;
  /** The deposit by which the same person announced it, that waits no more and was never credited. */
  readonly announcedId: Id | null;
};

/**
 * As what it is credited, and at which fee: of the amount that was announced the fee of that day; of another, or paid in
 * another way, what the schedule of that day asks of it. What a bank shows without an announcement is a transfer.
 */
export async function termsOfArrived(tx: Tx, paid: Paid): Promise<Terms> {
  const { userId, asset, amount, namedId } = paid;
  const [announced] =
    namedId === null
      ? []
      : await tx
          .select()
          .from(deposits)
          .where(
            and(
              eq(deposits.id, namedId),
              eq(deposits.userId, userId),
              eq(deposits.asset, asset),
              eq(deposits.status, 'failed'),
              isNull(deposits.journalId),
            ),
          );
  const method = paid.method ?? announced?.method ?? 'bank_transfer';
  if (announced === undefined) {
    return { method, fee: ZERO, announcedId: null };
  }
  const { id: announcedId, createdAt: at } = announced;
  if (announced.amount === amount && announced.method === method) {
    return { method, fee: announced.fee, announcedId };
  }
  const kycLevel = (await readGates(tx, [userId])).get(userId)?.kycLevel ?? 'none';
  const subject = { direction: 'deposit', asset: await requireAsset(tx, asset), method, kycLevel } as const;
  const { fee } = await fundingFee(tx, { ...subject, amount, at });
  return { method, fee: minAmount(fee, amount), announcedId };
}
