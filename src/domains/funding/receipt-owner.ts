import { eq } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { customerNameOf } from './customer-name.ts';
import { isSameHolder } from './holder-name.ts';
import type { Receipt } from './receipts.ts';
import { ownerOfReturned } from './returned-payout.ts';
import { deposits } from './schema.ts';
import { counterpartyOf } from './statement-store.ts';

/**
 * Whose money a receipt is before anybody gave it to them: theirs whose payout it brings back, or whose deposit its line
 * names, unless the bank says that somebody else paid. Null where it is nobody's.
 * @errors SealError
 */
export async function ownerOfReceipt(tx: Tx, ctx: Ctx, receipt: Receipt): Promise<Id | null> {
  const returnedTo = await ownerOfReturned(tx, receipt);
  if (returnedTo !== null || receipt.depositId === null) {
    return returnedTo;
  }
  const named = await namedBy(tx, receipt);
  if (named === null) {
    return null;
  }
  const payer = (await counterpartyOf(tx, ctx, receipt.statementLineId))?.name ?? null;
  const isTheirs = payer === null || isSameHolder(payer, await customerNameOf(tx, ctx, named));
  return isTheirs ? named : null;
}

/**
 * Whom a vote on a receipt is about: its owner, or whoever its line names though somebody else paid. What compliance was
 * told of that payer is an alert on them, so they neither see, ask for nor decide it.
 * @errors SealError
 */
export async function subjectOfReceipt(tx: Tx, ctx: Ctx, receipt: Receipt): Promise<Id | null> {
  return (await ownerOfReceipt(tx, ctx, receipt)) ?? (await namedBy(tx, receipt));
}

/**
 * Everybody a receipt is about: its owner, and whoever its line names besides. None of them asks for anything on its money
 * or decides it.
 * @errors SealError
 */
export async function subjectsOfReceipt(tx: Tx, ctx: Ctx, receipt: Receipt): Promise<readonly Id[]> {
  const subjects = [await ownerOfReceipt(tx, ctx, receipt), await namedBy(tx, receipt)];
  return [...new Set(subjects.flatMap((subject) => subject ?? []))];
}

async function namedBy(tx: Tx, { depositId }: Receipt): Promise<Id | null> {
  const [named] =
    depositId === null
      ? []
      : await tx.select({ userId: deposits.userId }).from(deposits).where(eq(deposits.id, depositId));
  return named?.userId ?? null;
}
