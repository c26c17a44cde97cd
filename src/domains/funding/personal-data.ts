import { randomBytes } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import { type Instant, parseInstant } from '../../kernel/time.ts';
import { openJson, openText } from '../../platform/crypto/seal.ts';
import type { PersonalData } from '../../platform/domain.ts';
import { PERSONAL_PAGE_ROWS, personalFacts, personalRows } from '../../platform/privacy/personal-rows.ts';
import { readReceivables } from '../ledger/index.ts';
import { beneficiaryPlace, type Destination, withdrawalPlace } from './destination.ts';
import type { TravelRule } from './ivms101.ts';
import { beneficiaries, deposits, withdrawals } from './schema.ts';
import { shownStatus } from './store.ts';

/** What funding holds on a person, opened for them; approvals and their reasons are the firm's. */
export const personalFunding: PersonalData = {
  name: 'funding',
  recordClass: 'transactions',
  tables: ['deposits', 'beneficiaries', 'withdrawals'],
  sections: {
    deposits: personalRows(deposits, { keys: ['id'] }),
    beneficiaries: personalRows(beneficiaries, {
      keys: ['id'],
      // Neither that it was held nor until when (no tipping off).
      without: ['screeningId', 'payableFrom'],
      more: (rows, { key }) =>
        rows.map(({ id, label, destination, status }) => ({
          status: shownStatus(status),
          label: key === undefined ? null : openText(key, beneficiaryPlace('label', id), label),
          destination:
            key === undefined
              ? null
              : openJson<Destination>(key, beneficiaryPlace('destination', id), destination),
        })),
    }),
    withdrawals: personalRows(withdrawals, {
      keys: ['id'],
      more: (rows, { key }) =>
        rows.map(({ id, destination, travelRule }) => ({
          destination:
            key === undefined ? null : openJson<Destination>(key, withdrawalPlace(id), destination),
          travelRule:
            key === undefined || travelRule === null
              ? null
              : openJson<TravelRule>(key, withdrawalPlace(id, 'travel_rule'), travelRule),
        })),
    }),
  },
  keptSince: async (tx, userId): Promise<Instant | null> => {
    const [last] = await tx.execute<{ at: string | null }>(sql`
      select greatest(
        (select max(greatest(created_at, cleared_at)) from deposits where user_id = ${userId}),
        (select max(greatest(created_at, decided_at, completed_at)) from withdrawals
          where user_id = ${userId}))::text as at`);
    return last?.at ? parseInstant(last.at) : null;
  },
  // Blind indexes find a payee again for whoever holds the keyring, and the hint is readable.
  erase: async (tx, _ctx, userId) => {
    const payees = await tx
      .select({ id: beneficiaries.id })
      .from(beneficiaries)
      .where(eq(beneficiaries.userId, userId));
    for (const { id } of payees) {
      await tx
        .update(beneficiaries)
        .set({ destinationIndex: noIndex(), hint: '' })
        .where(eq(beneficiaries.id, id));
    }
    await tx.update(withdrawals).set({ destinationHash: noIndex() }).where(eq(withdrawals.userId, userId));
  },
};

/** What a person owes lies in wallets of the house that name them, which their own login cannot read. */
export const personalDebts: PersonalData = {
  name: 'debts',
  recordClass: 'transactions',
  tables: [],
  internal: true,
  sections: {
    debts: personalFacts(({ tx, userId }) => readReceivables(tx, userId, { limit: PERSONAL_PAGE_ROWS })),
  },
};

function noIndex(): Uint8Array {
  return new Uint8Array(randomBytes(32));
}
