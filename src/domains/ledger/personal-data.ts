import { eq, max } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import type { PersonalData } from '../../platform/domain.ts';
import { personalRows } from '../../platform/privacy/personal-rows.ts';
import { conversionQuotes } from './conversions/schema.ts';
import { holdCaptures, holds, ledgerEntries, lotDisposals, lots, transfers, wallets } from './schema.ts';
import { settlementObligations } from './settlements/schema.ts';

/** What the ledger holds on a person; long histories are read along their indexes, wallet by wallet. */
export const personalHoldings: PersonalData = {
  name: 'ledger',
  recordClass: 'transactions',
  tables: [
    'wallets',
    'ledger_entries',
    'holds',
    'hold_captures',
    'lots',
    'lot_disposals',
    'conversion_quotes',
    'transfers',
    'settlement_obligations',
  ],
  sections: {
    wallets: personalRows(wallets, { keys: ['id'] }),
    entries: personalRows(ledgerEntries, { by: 'walletId', parents: walletsOf, keys: ['walletVersion'] }),
    holds: personalRows(holds, {
      by: 'accountId',
      parents: accountsOf,
      keys: ['id'],
      without: ['reference', 'metadata', 'placedBy', 'placedByKey'],
    }),
    captures: personalRows(holdCaptures, { keys: ['id'], without: ['destinationWalletId', 'approvalId'] }),
    lots: personalRows(lots, { by: 'accountId', parents: accountsOf, keys: ['id'] }),
    conversions: personalRows(conversionQuotes, { keys: ['id'] }),
    transfers: personalRows(transfers, { keys: ['id'] }),
    settlements: personalRows(settlementObligations, { keys: ['fillId'] }),
    disposals: personalRows(lotDisposals, { by: 'accountId', parents: accountsOf, keys: ['id'] }),
  },
  keptSince: async (tx, userId) => {
    const [last] = await tx
      .select({ at: max(wallets.lastEntryAt) })
      .from(wallets)
      .where(eq(wallets.userId, userId));
    return last?.at ?? null;
  },
};

async function walletsOf(tx: Tx, userId: Id): Promise<readonly string[]> {
  const rows = await tx
    .select({ id: wallets.id })
    .from(wallets)
    .where(eq(wallets.userId, userId))
    .orderBy(wallets.id);
  return rows.map((row) => row.id);
}

/** Whatever was held or acquired went through a wallet. */
async function accountsOf(tx: Tx, userId: Id): Promise<readonly string[]> {
  const rows = await tx
    .selectDistinct({ id: wallets.accountId })
    .from(wallets)
    .where(eq(wallets.userId, userId))
    .orderBy(wallets.accountId);
  return rows.flatMap((row) => row.id ?? []);
}
