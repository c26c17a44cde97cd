import { z } from '@hono/zod-openapi';
import { wireDecimal, wireInstant, wireOf } from '../../platform/http/wire.ts';
import { holds, journals, ledgerEntries, lotDisposals, lotSource, lots, wallets } from './schema.ts';

export const Wallet = wireOf(wallets)
  .pick({
    id: true,
    accountId: true,
    asset: true,
    total: true,
    reserved: true,
    status: true,
  })
  .extend({
    available: wireDecimal,
    unsettled: wireDecimal.openapi({
      description: 'The part of what is available that can still be called back: it can be traded, not more',
    }),
    withdrawable: wireDecimal.openapi({
      description: 'What may be withdrawn or converted: available less unsettled, never below zero',
    }),
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

export const ClosedPosition = wireOf(lotDisposals)
  .pick({
    id: true,
    lotId: true,
    quantity: true,
    cost: true,
    proceeds: true,
    currency: true,
    referenceType: true,
    referenceId: true,
    disposedAt: true,
  })
  .extend({
    asset: z.string(),
    costCurrency: z.string().nullable(),
    acquiredAt: wireInstant,
    source: z.enum(lotSource.enumValues).openapi({ description: 'How the units had come' }),
    realisedPnl: wireDecimal.nullable().openapi({
      description:
        'Proceeds after fees less cost; null where either is unknown or they are in two currencies',
    }),
  })
  .openapi('ClosedPosition');

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
    rate: true,
    rateSource: true,
    rateAt: true,
  })
  .extend({ entries: z.array(Entry) })
  .openapi('Journal');
