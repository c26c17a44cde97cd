import { asc, inArray } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { openJson } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import type { PartyFact, ReportFacts } from '../../platform/report-facts.ts';
import { type Destination, withdrawalPlace } from './destination.ts';
import { deposits, withdrawals } from './schema.ts';
import { counterpartyOf } from './statement-store.ts';

/** Who stood on the other side of deposits and withdrawals, for a report about them. */
export const fundingFacts: readonly ReportFacts[] = [
  {
    parties: async (tx, ctx, source, sourceIds) => {
      if (sourceIds.length === 0) {
        return [];
      }
      switch (source) {
        case 'funding.deposits':
          return payers(tx, ctx, sourceIds as readonly Id[]);
        case 'funding.withdrawals':
          return payees(tx, ctx, sourceIds as readonly Id[]);
        default:
          return [];
      }
    },
  },
];

async function payers(tx: Tx, ctx: Ctx, ids: readonly Id[]): Promise<readonly PartyFact[]> {
  const rows = await tx
    .select()
    .from(deposits)
    .where(inArray(deposits.id, [...ids]))
    .orderBy(asc(deposits.id));
  const found: PartyFact[] = [];
  for (const { id, statementLineId, paymentReference, status } of rows) {
    const payer = statementLineId === null ? null : await counterpartyOf(tx, ctx, statementLineId);
    found.push({
      source: 'funding.deposits',
      sourceId: id,
      name: payer?.name ?? null,
      account: payer?.account ?? null,
      bic: null,
      reference: paymentReference,
      status,
    });
  }
  return found;
}

async function payees(tx: Tx, ctx: Ctx, ids: readonly Id[]): Promise<readonly PartyFact[]> {
  const rows = await tx
    .select()
    .from(withdrawals)
    .where(inArray(withdrawals.id, [...ids]))
    .orderBy(asc(withdrawals.id));
  const keys = await ctx.deps.personKeys.ofMany(tx, [...new Set(rows.map(({ userId }) => userId))]);
  return rows.map(({ id, userId, destination, payoutReference, transactionReference, status }) => {
    const key = keys.get(userId);
    const payee = key === undefined ? null : openJson<Destination>(key, withdrawalPlace(id), destination);
    return {
      source: 'funding.withdrawals',
      sourceId: id,
      name: payee?.holderName ?? null,
      account: payee === null ? null : placeOf(payee),
      bic: payee?.kind === 'bank' ? payee.bic : null,
      reference: payoutReference ?? transactionReference,
      status,
    };
  });
}

function placeOf(payee: Destination): string {
  switch (payee.kind) {
    case 'bank':
      return payee.iban;
    case 'crypto_wallet':
      return payee.address;
    case 'mobile_money':
      return payee.phone;
  }
}
