import { z } from '@hono/zod-openapi';
import { type Amount, DECIMAL_PATTERN, parseAmount } from '../../../kernel/amount.ts';
import type { Json } from '../../../kernel/canonical-json.ts';
import { ApprovalView } from '../../../platform/approvals/api.ts';
import { pageQuery } from '../../../platform/http/cursor.ts';
import {
  amountInput,
  dayInput,
  idInput,
  instantInput,
  toWire,
  wireDecimal,
  wireInstant,
  wireOf,
} from '../../../platform/http/wire.ts';
import { HOUSE_CHART, type HouseRole } from '../chart.ts';
import { JOURNAL_KINDS, type JournalKind } from '../journal-kinds.ts';
import { book, wallets } from '../schema.ts';

const MAX_ENTRIES = 200;

const HAND_KINDS = (Object.keys(JOURNAL_KINDS) as JournalKind[]).filter((kind) => JOURNAL_KINDS[kind].byHand);
const ROLES = Object.keys(HOUSE_CHART) as HouseRole[];

/** A debt is opened by what made it; all other wallets of the house may be named before they are there. */
const NAMED_ROLES = ROLES.filter((role) => role !== 'receivable');

const line = (max: number) =>
  z
    .string()
    .trim()
    .min(3)
    .max(max)
    .regex(/^\P{Cc}*$/u, 'must be one line of text');

const assetInput = z
  .string()
  .regex(/^[A-Z0-9.]{2,12}$/, 'must be the code of an asset')
  .openapi({ example: 'USD' });

const referenceInput = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/, 'must be a short reference')
  .openapi({ example: 'main' });

const signedAmountInput = z
  .string()
  .regex(DECIMAL_PATTERN, 'must be a decimal string with at most 12 digits and 8 decimals')
  .refine((text) => /[1-9]/.test(text), 'must not be zero')
  .transform((text): Amount => parseAmount(text))
  .openapi({ type: 'string', pattern: DECIMAL_PATTERN.source, example: '-100.25' });

const Entry = z
  .strictObject({
    walletId: idInput.optional().openapi({ description: 'A wallet by its id, or a wallet of the house.' }),
    house: z
      .strictObject({
        role: z.enum(NAMED_ROLES as [HouseRole, ...HouseRole[]]),
        reference: referenceInput,
        asset: assetInput,
      })
      .optional(),
    amount: signedAmountInput.openapi({ description: 'Below zero it takes from the wallet.' }),
    cost: z.strictObject({ amount: amountInput, currency: assetInput }).optional(),
    costFrom: idInput.optional().openapi({
      description: 'The wallet whose lots these units take the place of; cost and dates go over.',
    }),
  })
  .refine(({ walletId, house }) => (walletId === undefined) !== (house === undefined), {
    path: ['walletId'],
    error: 'name one: walletId or house',
  });

const Interest = z.strictObject({
  ratePercent: amountInput,
  dayCount: z.enum(['actual/360', 'actual/365', 'actual/actual', '30/360']),
  from: dayInput,
  until: dayInput,
});

const Dividend = z.strictObject({
  asset: assetInput,
  recordDate: dayInput,
  paymentDate: dayInput,
  perUnit: amountInput.optional(),
});

const CorporateAction = z.strictObject({
  type: z.enum(['split', 'reverse_split', 'stock_dividend', 'merger', 'symbol_change', 'spin_off', 'other']),
  effectiveDate: dayInput,
  ratio: z
    .string()
    .regex(/^\d{1,9}:\d{1,9}$/, 'must be new:old')
    .optional()
    .openapi({ example: '2:1' }),
});

export const NewManualJournal = z
  .strictObject({
    kind: z.enum(HAND_KINDS as [JournalKind, ...JournalKind[]]),
    book: z.enum(book.enumValues).default('live'),
    description: line(200),
    valueDate: dayInput.optional().openapi({
      description: 'Today unless given; no day whose reconciliation is signed.',
    }),
    entries: z.array(Entry).min(2).max(MAX_ENTRIES),
    interest: Interest.optional(),
    dividend: Dividend.optional(),
    corporateAction: CorporateAction.optional(),
    repaymentId: idInput.optional().openapi({
      description:
        'The refund that was given up whose money an adjustment takes out of suspense: where it reaches no wallet or debt ' +
        'of its customer, nothing else says that they have been paid.',
    }),
    reason: line(500),
  })
  .superRefine((journal, context) => {
    const terms = {
      interest: 'interest',
      dividend: 'dividend',
      corporateAction: 'corporate_action',
    } as const;
    for (const [member, kind] of Object.entries(terms) as [keyof typeof terms, JournalKind][]) {
      if ((journal[member] !== undefined) !== (journal.kind === kind)) {
        const message = `belongs to a journal of kind ${kind} and to no other`;
        context.addIssue({ code: 'custom', path: [member], message });
      }
    }
    if (journal.repaymentId !== undefined && journal.kind !== 'adjustment') {
      const message = 'belongs to a journal of kind adjustment and to no other';
      context.addIssue({ code: 'custom', path: ['repaymentId'], message });
    }
    if (journal.interest !== undefined && journal.interest.from >= journal.interest.until) {
      context.addIssue({ code: 'custom', path: ['interest', 'until'], message: 'must follow from' });
    }
    const named = journal.entries.map(
      ({ walletId, house }) => walletId ?? Object.values(house ?? {}).join(' '),
    );
    if (new Set(named).size !== named.length) {
      context.addIssue({ code: 'custom', path: ['entries'], message: 'name each wallet once' });
    }
  })
  .openapi('NewManualJournal');

export const NewFeeSweep = z
  .strictObject({
    asset: assetInput,
    amount: amountInput,
    feesReference: referenceInput.default('main'),
    fromReference: referenceInput.default('main'),
    toReference: referenceInput.default('main'),
    reason: line(500),
  })
  .openapi('NewFeeSweep');

export const ReverseJournal = z.strictObject({ reason: line(500) }).openapi('ReverseJournal');

export const JournalApproval = z.object({ approval: ApprovalView }).openapi('JournalApproval');

export const HouseWallet = wireOf(wallets)
  .pick({
    id: true,
    book: true,
    houseRole: true,
    houseReference: true,
    asset: true,
    total: true,
    status: true,
  })
  .extend({ part: z.string(), description: z.string() })
  .openapi('HouseWallet');

export const houseQuery = z.strictObject({
  ...pageQuery,
  book: z.enum(book.enumValues).default('live'),
  role: z.enum(ROLES as [HouseRole, ...HouseRole[]]).optional(),
  at: instantInput
    .optional()
    .openapi({ description: 'Totals as they were booked by then; zero before the first entry' }),
});

export const WalletDetail = wireOf(wallets)
  .pick({
    id: true,
    userId: true,
    accountId: true,
    houseRole: true,
    houseReference: true,
    book: true,
    asset: true,
    total: true,
    reserved: true,
    unsettled: true,
    status: true,
    lastEntryAt: true,
  })
  .extend({
    withdrawable: z.union([wireDecimal, z.null()]).openapi({ description: 'Null of a wallet of the house.' }),
    metadata: z.record(z.string(), z.string()),
    entries: z.number().int().openapi({ description: 'How many entries it has.' }),
    version: z.number().int().openapi({ description: 'Grows with every change; the ETag.' }),
  })
  .openapi('WalletDetail');

export const WalletLabels = z
  .strictObject({
    metadata: z
      .record(
        z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, 'must be a short name'),
        z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$/, 'must be a reference, of no person'),
      )
      .refine((labels) => Object.keys(labels).length <= 20, 'must have at most 20 members'),
  })
  .openapi('WalletLabels');

export const PastWallets = z
  .object({
    at: wireInstant,
    data: z.array(
      wireOf(wallets)
        .pick({ id: true, accountId: true, asset: true, total: true })
        .extend({ version: z.number().int(), lastEntryAt: wireInstant.nullable() })
        .openapi('PastWallet'),
    ),
  })
  .openapi('PastWallets', {
    description: 'What was booked by then. What was reserved and unsettled is known of the present only.',
  });

export type ManualJournalInput = z.output<typeof NewManualJournal>;

/** What a journal says of its occasion, as it is kept with it: decimals as text. */
export function termsOf({ interest, dividend, corporateAction, repaymentId }: ManualJournalInput): {
  readonly [key: string]: Json;
} {
  return toWire({
    ...(interest === undefined ? {} : { interest }),
    ...(dividend === undefined ? {} : { dividend }),
    ...(corporateAction === undefined ? {} : { corporateAction }),
    ...(repaymentId === undefined ? {} : { repaymentId }),
  }) as { readonly [key: string]: Json };
}
