import { z } from '@hono/zod-openapi';
import { ApprovalReason } from '../../../platform/approvals/api.ts';
import { amountInput, wireDecimal, wireId, wireOf } from '../../../platform/http/wire.ts';
import { Deposit } from '../api.ts';
import { assetInput } from '../asset-input.ts';
import { bicFitsIban, bicInput, ibanInput } from '../bank-code.ts';
import { fundingMethod } from '../schema.ts';
import { depositAccounts } from './schema.ts';

const PaymentInstructions = wireOf(depositAccounts)
  .pick({ holderName: true, iban: true, bic: true, bankName: true })
  .extend({
    reference: z.string().openapi({
      description: 'What the payer writes on the transfer: the deposit’s `paymentReference`',
      example: 'RF18BCDFGHJKMNPRST',
    }),
  })
  .openapi('PaymentInstructions');

export const PayableDeposit = Deposit.extend({
  paymentInstructions: z.union([PaymentInstructions, z.null()]).openapi({
    description:
      'Where a `bank_transfer` is paid to while it is pending, as it is now; null for what is paid on a provider’s ' +
      'page, for coins, once it has come or was given up, and where the firm has set no account for the currency',
  }),
}).openapi('PayableDeposit');

/** An account of clients' money that the customers of a firm are or were told to pay to. */
const DepositAccount = wireOf(depositAccounts)
  .pick({
    id: true,
    asset: true,
    legalEntity: true,
    holderName: true,
    iban: true,
    bic: true,
    bankName: true,
    approvalId: true,
    createdAt: true,
  })
  .extend({
    current: z.boolean().openapi({ description: 'Whether customers of this firm are shown it now' }),
  })
  .openapi('DepositAccount');

export const DepositAccounts = z.object({ data: z.array(DepositAccount) }).openapi('DepositAccounts');

export const depositAccountParams = z.object({ asset: assetInput });

export const DepositAccountProposal = z
  .strictObject({
    holderName: z.string().trim().min(1).max(140).openapi({ example: 'Example Brokers, clients' }),
    iban: ibanInput,
    bic: bicInput,
    bankName: z.string().trim().min(1).max(140).openapi({ example: 'Bank One' }),
    reason: ApprovalReason.shape.reason,
  })
  .refine((account) => bicFitsIban(account.bic, account.iban), {
    path: ['bic'],
    error: 'must be of a bank in the country of the IBAN',
  })
  .openapi('DepositAccountProposal');

export const depositQuoteQuery = z.strictObject({
  asset: assetInput,
  amount: amountInput,
  method: z.enum(fundingMethod.enumValues),
});

export const DepositQuote = z
  .object({
    asset: z.string(),
    method: z.enum(fundingMethod.enumValues),
    tier: z.string(),
    amount: wireDecimal,
    fee: wireDecimal,
    feeId: z.union([wireId, z.null()]),
    credited: wireDecimal,
  })
  .openapi('DepositQuote');
