import { z } from '@hono/zod-openapi';
import { ApprovalReason } from '../../platform/approvals/api.ts';
import { pageQuery } from '../../platform/http/cursor.ts';
import { FORWARDS, isForwards, periodQuery } from '../../platform/http/period.ts';
import { amountInput, idInput, wireDecimal, wireId, wireInstant, wireOf } from '../../platform/http/wire.ts';
import { assetInput } from './asset-input.ts';
import { bicFitsIban, bicInput, ibanInput } from './bank-code.ts';
import { fundingMethod, payoutAccounts, payoutFiles, payoutReports } from './schema.ts';
import { LIMIT_WINDOW_HOURS, PAYOUT_FILE_MAX } from './settings.ts';

const method = z.enum(fundingMethod.enumValues);
const direction = z.enum(['deposit', 'withdrawal']);
const reason = ApprovalReason.shape.reason;

export const fundingLimitQuery = z.strictObject({ userId: idInput.optional() });

const FundingLimit = z
  .object({
    kycLevel: z.string(),
    asset: z.string(),
    direction,
    method,
    windowHours: z.number().int(),
    maximum: wireDecimal,
    used: z.union([wireDecimal, z.null()]),
    remaining: z.union([wireDecimal, z.null()]),
  })
  .openapi('FundingLimit');

export const FundingLimits = z.object({ data: z.array(FundingLimit) }).openapi('FundingLimits');

/** A limit of zero forbids, so zero is a value here. */
const maximum = z
  .union([amountInput, z.literal('0').transform(() => 0n)], {
    error: 'must be a decimal string of zero or more, with at most 12 digits and 8 decimals',
  })
  .openapi({
    type: 'string',
    example: '50000',
  });

export const FundingLimitProposal = z
  .strictObject({
    kycLevel: z.enum(['basic', 'standard', 'enhanced']),
    asset: assetInput,
    direction,
    method,
    windowHours: z
      .number()
      .int()
      .refine((hours) => LIMIT_WINDOW_HOURS.some((known) => known === hours), 'must be 24, 168 or 720'),
    maximum,
    reason,
  })
  .openapi('FundingLimitProposal');

export const quoteQuery = z.strictObject({
  asset: assetInput,
  amount: amountInput,
  beneficiaryId: idInput,
});

export const WithdrawalQuote = z
  .object({
    asset: z.string(),
    method,
    tier: z.string(),
    amount: wireDecimal,
    fee: wireDecimal,
    feeId: z.union([wireId, z.null()]),
    total: wireDecimal,
  })
  .openapi('WithdrawalQuote');

export const ResolveWithdrawal = z
  .strictObject({
    outcome: z.enum(['completed', 'failed']),
    transactionReference: z.string().trim().min(1).max(128).optional().openapi({ example: 'FT26012345678' }),
    reason: reason.optional(),
    approvalId: idInput.optional(),
    statementLineId: idInput
      .optional()
      .openapi({ description: 'The debit on a bank statement that shows it' }),
  })
  .refine(
    (body) =>
      body.outcome === 'failed' ||
      body.approvalId !== undefined ||
      body.statementLineId !== undefined ||
      body.transactionReference !== undefined,
    { path: ['transactionReference'], error: 'is required: it names the payment that was made' },
  )
  .refine(
    (body) =>
      body.statementLineId === undefined || (body.outcome === 'completed' && body.approvalId === undefined),
    { path: ['statementLineId'], error: 'shows a payment that was made, and is all the evidence it needs' },
  )
  .openapi('ResolveWithdrawal');

/** The firm's own account a currency is paid from; its number is shown masked. */
const PayoutAccount = wireOf(payoutAccounts)
  .pick({ id: true, asset: true, holderName: true, bic: true, approvalId: true, createdAt: true })
  .extend({ iban: z.string().openapi({ example: 'MU64…1MUR' }), current: z.boolean() })
  .openapi('PayoutAccount');

export const PayoutAccounts = z.object({ data: z.array(PayoutAccount) }).openapi('PayoutAccounts');

export const payoutAccountParams = z.object({ asset: assetInput });

export const PayoutAccountProposal = z
  .strictObject({
    holderName: z.string().trim().min(1).max(140).openapi({ example: 'Example Brokers, clients' }),
    iban: ibanInput,
    bic: bicInput,
    reason,
  })
  .refine((account) => bicFitsIban(account.bic, account.iban), {
    path: ['bic'],
    error: 'must be of a bank in the country of the IBAN',
  })
  .openapi('PayoutAccountProposal');

/** Who holds the receiving wallet; required for coins. */
export const ReceivingWallet = z
  .discriminatedUnion('wallet', [
    z.strictObject({ wallet: z.literal('self_hosted') }),
    z.strictObject({
      wallet: z.literal('hosted'),
      vasp: z.strictObject({
        name: z.string().trim().min(1).max(100),
        lei: z.string().refine(isLei, 'must be an LEI of 20 characters with its check digits').optional(),
        country: z.string().regex(/^[A-Z]{2}$/, 'must be an ISO 3166-1 alpha-2 code'),
      }),
    }),
  ])
  .openapi('ReceivingWallet');

/** Payments to be put into one file. */
function paymentIds(error: string) {
  return z
    .array(idInput)
    .max(PAYOUT_FILE_MAX)
    .default([])
    .refine((ids) => new Set(ids).size === ids.length, error);
}

export const NewPayoutFile = z
  .strictObject({
    asset: assetInput,
    withdrawalIds: paymentIds('must name each withdrawal once'),
    repaymentIds: paymentIds('must name each repayment once'),
    executionDate: z.iso.date({ error: 'must be a day as YYYY-MM-DD' }).openapi({
      description: 'When the bank is to pay: a day of the firm’s time zone, today or up to 31 days ahead.',
      example: '2026-12-01',
    }),
  })
  .refine(({ withdrawalIds, repaymentIds }) => withdrawalIds.length + repaymentIds.length > 0, {
    path: ['withdrawalIds'],
    error: 'must name a withdrawal, or `repaymentIds` a repayment',
  })
  .refine(
    ({ withdrawalIds, repaymentIds }) => withdrawalIds.length + repaymentIds.length <= PAYOUT_FILE_MAX,
    {
      path: ['withdrawalIds'],
      error: `must be at most ${PAYOUT_FILE_MAX} with \`repaymentIds\``,
    },
  )
  .openapi('NewPayoutFile');

export const PayoutFile = wireOf(payoutFiles)
  .pick({
    id: true,
    messageId: true,
    provider: true,
    asset: true,
    executionDate: true,
    controlSum: true,
    createdBy: true,
    createdAt: true,
  })
  .extend({
    transactionCount: z.number().int(),
    downloadedAt: z
      .union([wireInstant, z.null()])
      .openapi({ description: 'First fetched: the bank may have it' }),
    voidedAt: z.union([wireInstant, z.null()]).openapi({ description: 'Given up by two people' }),
  })
  .openapi('PayoutFile');

export const payoutFileQuery = z
  .strictObject({ ...pageQuery, asset: assetInput.optional(), ...periodQuery('Made') })
  .refine(isForwards, FORWARDS);

export const PayoutFileDetail = PayoutFile.extend({
  withdrawalIds: z.array(wireId),
  repaymentIds: z.array(wireId),
}).openapi('PayoutFileDetail');

export const PayoutReport = wireOf(payoutReports)
  .pick({ id: true, fileId: true, messageId: true, importedBy: true, importedAt: true })
  .extend({
    completedCount: z.number().int(),
    failedCount: z.number().int(),
    pendingCount: z.number().int(),
    unknownCount: z.number().int(),
    conflictCount: z.number().int(),
  })
  .openapi('PayoutReport');

/** The bank's report as it was sent. */
export const StatusReportFile = z.string().openapi({ format: 'binary' });

/** @source ISO 17442, whose check digits make the number, letters counted from ten, one more than a multiple of 97 */
function isLei(text: string): boolean {
  if (!/^[A-Z0-9]{18}\d{2}$/.test(text)) {
    return false;
  }
  const digits = [...text].map((sign) => Number.parseInt(sign, 36)).join('');
  return BigInt(digits) % 97n === 1n;
}
