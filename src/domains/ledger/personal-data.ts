import { eq } from 'drizzle-orm';
import type { PersonalData } from '../../platform/domain.ts';
import { holds, ledgerEntries, lots, wallets } from './schema.ts';

/** What the ledger holds on a person. */
export const personalHoldings: PersonalData = {
  name: 'ledger',
  exportOf: async (tx, _ctx, userId) => ({
    wallets: await tx.select().from(wallets).where(eq(wallets.userId, userId)),
    entries: await tx.select().from(ledgerEntries).where(eq(ledgerEntries.userId, userId)),
    holds: await tx.select().from(holds).where(eq(holds.userId, userId)),
    lots: await tx.select().from(lots).where(eq(lots.userId, userId)),
  }),
};
