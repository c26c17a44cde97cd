import { z } from '@hono/zod-openapi';
import { pageQuery } from '../../platform/http/cursor.ts';
import { FORWARDS, isForwards, periodQuery } from '../../platform/http/period.ts';
import { idInput, wireDecimal, wireInstant, wireOf } from '../../platform/http/wire.ts';
import { ACCOUNT_LOT_METHODS } from '../accounts/index.ts';
import {
  holds,
  journalKind,
  journals,
  ledgerEntries,
  lotDisposals,
  lotSource,
  lots,
  wallets,
} from './schema.ts';
import { Settling } from './settlements/api.ts';

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
      description:
        'The part of what is available that can still be called back or that trades brought and is not settled: it can be traded, not more',
    }),
    settling: z.array(Settling).openapi({
      description: 'What trades brought and is not settled, by day; what a deposit brought is not among it',
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

export const WalletEntry = Entry.extend({
  number: z.number().int().openapi({
    description: 'Its place in the history of the wallet: the first entry has 1, and none is left out',
  }),
  valueDate: z.string().openapi({ example: '2026-01-31', description: 'The day it counts from' }),
  description: z.string().openapi({ description: 'What its journal says it was for' }),
}).openapi('WalletEntry');

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
  .extend({
    costOpen: wireDecimal.nullable().openapi({
      description:
        'What the open part bears of the cost, in the same currency. Averaging moves cost between the lots of an asset; what they bear together stays',
    }),
    lotMethod: z.enum(ACCOUNT_LOT_METHODS).openapi({
      description: 'The method by which units of the account leave from now on',
    }),
  })
  .openapi('Lot');

export const LotQuery = z.strictObject({
  ...pageQuery,
  asset: z
    .string()
    .regex(/^[A-Z0-9.]{2,12}$/, 'must be the code of an asset')
    .optional()
    .openapi({ example: 'BTC' }),
  open: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional()
    .openapi({
      type: 'string',
      enum: ['true', 'false'],
      description: 'Only lots that hold something, or only those that hold nothing any more',
    }),
});

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
    method: true,
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
    approvalId: true,
  })
  .extend({
    metadata: z.record(z.string(), z.unknown()).openapi({
      description:
        'What is kept with it: the terms of interest, of a dividend or of a corporate action, the middle rate and the ' +
        'spread of a conversion, the evidence on which money was taken back, that people alone vouched for a deposit, and ' +
        'the refund that was given up',
    }),
    entries: z.array(Entry),
  })
  .openapi('Journal');

const booked = { kind: z.enum(journalKind.enumValues).optional(), ...periodQuery('Booked') };

export const JournalQuery = z.strictObject({ ...pageQuery, ...booked }).refine(isForwards, FORWARDS);

export const WalletEntryQuery = z
  .strictObject({
    ...pageQuery,
    ...booked,
    referenceId: idInput.optional().openapi({
      description: 'What it was booked for: a deposit, a withdrawal, a trade, an approval',
    }),
  })
  .refine(isForwards, FORWARDS);

export type JournalFilter = z.output<typeof JournalQuery>;
export type WalletEntryFilter = z.output<typeof WalletEntryQuery>;
