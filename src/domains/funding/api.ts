import { z } from '@hono/zod-openapi';
import type { Amount } from '../../kernel/amount.ts';
import { INVISIBLE_REFUSED, isVisible } from '../../kernel/invisible.ts';
import { ApprovalReason, ApprovalView, ApprovalWithVotes } from '../../platform/approvals/api.ts';
import { pageQuery } from '../../platform/http/cursor.ts';
import { FORWARDS, isForwards, periodQuery } from '../../platform/http/period.ts';
import { amountInput, idInput, wireOf } from '../../platform/http/wire.ts';
import { assetInput } from './asset-input.ts';
import { bicFitsIban, bicInput, ibanInput } from './bank-code.ts';
import { CHAINS, isAddressOf, plainAddress } from './crypto-address.ts';
import { MOBILE_METHODS, reachesPhone } from './destination.ts';
import { travelRuleData } from './ivms101.ts';
import { ReceivingWallet } from './payout-api.ts';
import {
  beneficiaries,
  depositStatus,
  deposits,
  fundingMethod,
  withdrawalStatus,
  withdrawals,
} from './schema.ts';

const reasonInput = ApprovalReason.shape.reason;

const holderNameInput = z
  .string()
  .trim()
  .min(1)
  .max(140)
  .refine(isVisible, INVISIBLE_REFUSED)
  .openapi({ example: 'Anaïs Ramgoolam' });

const labelInput = z.string().trim().min(1).max(60).optional().openapi({ example: 'My bank' });

const phoneInput = z
  .string()
  .regex(/^\+[1-9]\d{6,14}$/, 'must be a phone number in E.164 form')
  .openapi({ example: '+23052512345' });

/** A fee that was shown: nothing is one too. */
const feeInput = z.union([amountInput, z.literal('0').transform(() => 0n as Amount)], {
  error: 'must be a decimal string of zero or more, with at most 12 digits and 8 decimals',
});

export const NewDeposit = z
  .strictObject({
    accountId: idInput,
    asset: assetInput,
    amount: amountInput,
    method: z.enum(fundingMethod.enumValues),
    expectedFee: feeInput.optional().openapi({
      type: 'string',
      description: 'The fee as it was quoted; where another is in force, the announcement is refused',
      example: '0',
    }),
  })
  .openapi('NewDeposit');

export const Deposit = wireOf(deposits)
  .pick({
    id: true,
    userId: true,
    accountId: true,
    walletId: true,
    asset: true,
    amount: true,
    fee: true,
    method: true,
    provider: true,
    providerReference: true,
    paymentReference: true,
    status: true,
    settlementDate: true,
    unsettled: true,
    takenBack: true,
    debt: true,
    failureReason: true,
    approvalId: true,
    journalId: true,
    version: true,
    createdAt: true,
    clearedAt: true,
  })
  .openapi('Deposit');

export const depositQuery = z
  .strictObject({
    ...pageQuery,
    accountId: idInput.optional(),
    userId: idInput.optional(),
    status: z.enum(depositStatus.enumValues).optional(),
    asset: assetInput.optional(),
    method: z.enum(fundingMethod.enumValues).optional(),
    paymentReference: z.string().max(64).optional().openapi({ example: 'RF18 BCDF GHJK MNPR ST' }),
    ...periodQuery('Announced'),
  })
  .refine(isForwards, FORWARDS);

/** Evidence for what needs a second person: at most one of the members that cite something. */
export const ClearDeposit = z
  .strictObject({
    reason: reasonInput.optional(),
    approvalId: idInput.optional(),
    statementLineId: idInput.optional(),
  })
  .refine(
    (body) => body.approvalId === undefined || body.statementLineId === undefined,
    'cites an approval or a statement line, not both',
  )
  .openapi('ClearDeposit');

export const FailWithdrawal = z
  .strictObject({ reason: reasonInput.optional(), approvalId: idInput.optional() })
  .openapi('FailWithdrawal');

export const CompleteWithdrawal = z
  .strictObject({
    transactionReference: z.string().trim().min(1).max(128).openapi({ example: 'FT26012345678' }),
  })
  .openapi('CompleteWithdrawal');

export const ApprovalRequested = z.object({ approval: ApprovalView }).openapi('ApprovalRequested');

export const WithdrawalApprovals = z
  .object({ data: z.array(ApprovalWithVotes) })
  .openapi('WithdrawalApprovals');

const BankBeneficiary = z
  .strictObject({
    kind: z.literal('bank'),
    label: labelInput,
    holderName: holderNameInput,
    iban: ibanInput,
    bic: bicInput,
  })
  .refine((bank) => bicFitsIban(bank.bic, bank.iban), {
    path: ['bic'],
    error: 'must be of a bank in the country of the IBAN',
  })
  .openapi('NewBankBeneficiary');

const CryptoBeneficiary = z
  .strictObject({
    kind: z.literal('crypto_wallet'),
    label: labelInput,
    holderName: holderNameInput,
    chain: z.enum(CHAINS),
    address: z
      .string()
      .min(1)
      .max(100)
      .overwrite(plainAddress)
      .openapi({ example: 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4' }),
  })
  .refine((wallet) => isAddressOf(wallet.chain, wallet.address), {
    path: ['address'],
    error: 'must be an address of the chain with its checksum',
  })
  .openapi('NewCryptoBeneficiary');

const MobileBeneficiary = z
  .strictObject({
    kind: z.literal('mobile_money'),
    label: labelInput,
    holderName: holderNameInput,
    method: z.enum(MOBILE_METHODS),
    phone: phoneInput,
  })
  .refine((payee) => reachesPhone(payee.method, payee.phone), {
    path: ['phone'],
    error: 'must be a mobile number that the method can reach',
  })
  .openapi('NewMobileBeneficiary');

export const NewBeneficiary = z
  .discriminatedUnion('kind', [BankBeneficiary, CryptoBeneficiary, MobileBeneficiary])
  .openapi('NewBeneficiary');

export const Beneficiary = wireOf(beneficiaries)
  .pick({ id: true, userId: true, kind: true, hint: true, status: true, usableFrom: true, createdAt: true })
  .extend({ label: z.union([z.string(), z.null()]) })
  .openapi('Beneficiary');

export const beneficiaryQuery = z.strictObject({ ...pageQuery, userId: idInput.optional() });

export const NewWithdrawal = z
  .strictObject({
    accountId: idInput,
    asset: assetInput,
    amount: amountInput,
    beneficiaryId: idInput,
    confirmDuplicate: z.boolean().optional().openapi({
      description:
        'A second withdrawal of the same amount to the same beneficiary, while the first is open, is meant',
    }),
    expectedFee: feeInput.optional().openapi({
      type: 'string',
      description:
        'The fee as it was quoted, required where there is one; where another is in force, the request is refused',
      example: '0',
    }),
    travelRule: ReceivingWallet.optional(),
  })
  .openapi('NewWithdrawal');

export const Withdrawal = wireOf(withdrawals)
  .pick({
    id: true,
    userId: true,
    accountId: true,
    walletId: true,
    asset: true,
    amount: true,
    fee: true,
    feeId: true,
    paidAmount: true,
    method: true,
    beneficiaryId: true,
    status: true,
    holdId: true,
    approvalId: true,
    journalId: true,
    transactionReference: true,
    payoutReference: true,
    rejectionReason: true,
    estimatedCompletionAt: true,
    version: true,
    createdAt: true,
    decidedAt: true,
    completedAt: true,
  })
  .openapi('Withdrawal');

/** Where it is paid to, for its owner and for the staff who pay it; null for other readers. */
const WithdrawalDestination = z
  .object({
    kind: z.enum(['bank', 'crypto_wallet', 'mobile_money']),
    holderName: z.string(),
    iban: z.string().optional(),
    bic: z.string().optional(),
    chain: z.string().optional(),
    address: z.string().optional(),
    method: z.string().optional(),
    phone: z.string().optional(),
  })
  .openapi('WithdrawalDestination');

export const WithdrawalDetail = Withdrawal.extend({
  destination: z.union([WithdrawalDestination, z.null()]),
  travelRule: z.union([travelRuleData, z.null()]).openapi({
    description:
      'What travels with coins, as IVMS101, for the staff who hand it to the custodian; null for all others',
  }),
}).openapi('WithdrawalDetail');

export const withdrawalQuery = z
  .strictObject({
    ...pageQuery,
    accountId: idInput.optional(),
    userId: idInput.optional(),
    status: z.enum(withdrawalStatus.enumValues).optional(),
    asset: assetInput.optional(),
    method: z.enum(fundingMethod.enumValues).optional(),
    beneficiaryId: idInput.optional(),
    ...periodQuery('Asked for'),
  })
  .refine(isForwards, FORWARDS);
