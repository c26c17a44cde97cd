import { z } from '@hono/zod-openapi';
import { wireDecimal, wireId, wireInstant, wireOf } from '../../platform/http/wire.ts';
import { holds, journals, ledgerEntries, lots, wallets } from './schema.ts';

export const Wallet = wireOf(wallets)
  .pick({
    id: true,
    accountId: true,
    asset: true,
    total: true,
    reserved: true,
    unsettled: true,
    status: true,
  })
  .extend({
    available: wireDecimal,
    /** What may be withdrawn: available less unsettled. */
    withdrawable: wireDecimal,
    version: z.number().int(),
  })
  .openapi('Wallet');

export const Entry = wireOf(ledgerEntries)
  .pick({
    id: true,
    journalId: true,
    walletId: true,
    asset: true,
    amount: true,
    balanceAfter: true,
    kind: true,
    referenceType: true,
    referenceId: true,
    bookedAt: true,
  })
  .openapi('Entry');

export const Hold = wireOf(holds)
  .pick({
    id: true,
    walletId: true,
    asset: true,
    amount: true,
    remaining: true,
    reason: true,
    referenceType: true,
    referenceId: true,
    status: true,
    expiresAt: true,
    createdAt: true,
    closedAt: true,
  })
  .openapi('Hold');

export const Lot = wireOf(lots)
  .pick({
    id: true,
    asset: true,
    quantity: true,
    quantityOpen: true,
    cost: true,
    costCurrency: true,
    source: true,
    referenceId: true,
    acquiredAt: true,
  })
  .openapi('Lot');

export const Journal = wireOf(journals)
  .pick({
    id: true,
    book: true,
    kind: true,
    referenceType: true,
    referenceId: true,
    description: true,
    valueDate: true,
    bookedAt: true,
    reversesId: true,
  })
  .extend({ entries: z.array(Entry) })
  .openapi('Journal');

export const Reconciliation = z
  .object({
    id: wireId,
    status: z.enum(['clean', 'breaks']),
    breakCount: z.number().int(),
    startedAt: wireInstant,
    completedAt: wireInstant,
    checks: z.array(
      z.object({
        name: z.string(),
        invariant: z.string(),
        seen: z.number().int(),
        breaks: z.array(z.object({ object: z.string(), detail: z.string() })),
      }),
    ),
  })
  .openapi('Reconciliation');
