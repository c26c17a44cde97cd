import { z } from '@hono/zod-openapi';
import { ApprovalReason, ApprovalView } from '../../../platform/approvals/api.ts';
import { amountInput, dayInput, wireDecimal, wireId, wireInstant } from '../../../platform/http/wire.ts';
import { symbolInput } from '../../markets/index.ts';

const bps = z.number().int().openapi({ description: 'Basis points' });
const day = z.string().openapi({ format: 'date', example: '2026-01-31' });

const FeeTier = z
  .object({
    name: z.string(),
    minVolume: wireDecimal.openapi({ description: 'Turned over in the 30 days before' }),
    makerFeeBps: bps,
    takerFeeBps: bps,
  })
  .openapi('FeeTier');

const FeeTierSchedule = z
  .object({
    id: wireId,
    currency: z.string(),
    effectiveOn: day.openapi({ description: 'In force from the beginning of this day of the firm' }),
    approvalId: wireId,
    createdAt: wireInstant,
    tiers: z.array(FeeTier),
  })
  .openapi('FeeTierSchedule');

export const TradingFees = z.object({ data: z.array(FeeTierSchedule) }).openapi('TradingFees');

export const AccountFeeTier = z
  .object({
    accountId: wireId,
    day: day.openapi({ description: 'The day of the firm; the tier holds until it ends' }),
    currency: z.union([z.string(), z.null()]).openapi({ description: 'Null where there are no tiers' }),
    volume: wireDecimal.openapi({ description: 'Turned over in live accounts in the 30 days before' }),
    volumeToday: wireDecimal.openapi({ description: 'Turned over so far today: it counts from tomorrow' }),
    tier: z.union([FeeTier, z.null()]),
    nextTier: z.union([FeeTier, z.null()]),
    fees: z.union([
      z
        .object({
          symbol: z.string(),
          listedMakerFeeBps: bps,
          listedTakerFeeBps: bps,
          makerFeeBps: bps.openapi({
            description: 'What a trade of today is charged: never more than listed',
          }),
          takerFeeBps: bps,
        })
        .openapi('InstrumentFees'),
      z.null(),
    ]),
  })
  .openapi('AccountFeeTier');

export const FeeTierQuery = z.strictObject({
  symbol: symbolInput.optional().openapi({ description: 'Adds the fees of this instrument' }),
});

const bpsInput = z.number().int().min(0).max(1000).openapi({ description: 'Basis points' });

const NewFeeTier = z
  .strictObject({
    name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 _-]{0,39}$/, 'must be a short name'),
    minVolume: amountInput,
    makerFeeBps: bpsInput,
    takerFeeBps: bpsInput,
  })
  .openapi('NewFeeTier');

export const FeeTierProposal = z
  .strictObject({
    currency: z
      .string()
      .regex(/^[A-Z0-9.]{2,12}$/, 'must be an asset code')
      .openapi({ example: 'USD' }),
    tiers: z.array(NewFeeTier).max(50),
    effectiveOn: dayInput
      .optional()
      .openapi({ description: 'Never before the day after the vote', example: '2026-02-01' }),
    reason: ApprovalReason.shape.reason,
  })
  .openapi('FeeTierProposal');

export const FeeTiersRequested = z.object({ approval: ApprovalView }).openapi('FeeTiersRequested');
