import { z } from '@hono/zod-openapi';
import { electronicFormatIBAN, isValidIBAN } from 'ibantools';
import { ApprovalReason } from '../../platform/approvals/api.ts';
import { pageQuery } from '../../platform/http/cursor.ts';
import { FORWARDS, isForwards, periodQuery } from '../../platform/http/period.ts';
import { amountInput, idInput, wireId, wireInstant, wireOf } from '../../platform/http/wire.ts';
import { assetInput } from './asset-input.ts';
import { ageDays } from './debit-api.ts';
import {
  BANK_ACCOUNT_ROLES,
  bankAccounts,
  bankStatementLines,
  bankStatementStatus,
  bankStatements,
  statementStanding,
} from './evidence/schema.ts';
import { HOUSE_MONEY } from './house-money.ts';
import { receiptStatus, unallocatedReceipts } from './work/schema.ts';

/** The file as the bank sent it; the contract is ISO 20022's. */
export const StatementFile = z.string().openapi('BankStatementFile', { format: 'binary' });

export const BankAccount = wireOf(bankAccounts)
  .pick({
    id: true,
    iban: true,
    currency: true,
    houseReference: true,
    name: true,
    approvalId: true,
    createdAt: true,
  })
  .extend({ houseRole: z.enum(BANK_ACCOUNT_ROLES) })
  .openapi('BankAccount');

export const NewBankAccount = z
  .strictObject({
    iban: z
      .string()
      .max(64)
      .transform((text) => electronicFormatIBAN(text) ?? '')
      .refine((iban) => isValidIBAN(iban), 'must be an IBAN with valid check digits')
      .openapi({ type: 'string', maxLength: 64, example: 'MU17 BOMM 0101 1010 3030 0200 000M UR' }),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/, 'must be a currency code')
      .openapi({ example: 'USD' }),
    houseRole: z
      .enum(BANK_ACCOUNT_ROLES)
      .default('client_money_bank')
      .openapi({
        description:
          'Whose money lies there: clients’, of which each line of a statement is booked, or the firm’s own ' +
          '(`firm_account`), of which none ever is: its statements are compared in reconciliation alone',
      }),
    houseReference: z
      .string()
      .regex(/^[a-z0-9-]{1,32}$/, 'must be lower-case letters, digits and hyphens')
      .openapi({ example: 'main' }),
    name: z.string().trim().min(1).max(100).openapi({ example: 'Client money, Bank One' }),
    reason: ApprovalReason.shape.reason,
  })
  .openapi('NewBankAccount');

export const BankStatement = wireOf(bankStatements)
  .pick({
    id: true,
    status: true,
    standing: true,
    confirmationId: true,
    voidId: true,
    bankAccountId: true,
    statementReference: true,
    currency: true,
    openingBalance: true,
    closingBalance: true,
    closingDate: true,
    refusalCode: true,
    refusal: true,
    importedBy: true,
    importedAt: true,
  })
  .extend({
    entryCount: z.number().int(),
    bookedAt: z.union([wireInstant, z.null()]).openapi({
      description:
        'When the last line was booked; null while lines wait to be, until the statement is confirmed, and where the ' +
        'file was refused',
    }),
  })
  .openapi('BankStatement');

const orNull = z.union([wireId, z.null()]);

const BankStatementLine = wireOf(bankStatementLines)
  .pick({
    id: true,
    direction: true,
    amount: true,
    reversal: true,
    bookingDate: true,
    valueDate: true,
    bankReference: true,
    endToEndId: true,
    paymentReference: true,
  })
  .extend({ position: z.number().int(), depositId: orNull, receiptId: orNull, debitId: orNull })
  .openapi('BankStatementLine');

/** What a file says that was refused: nothing of it is kept but the file, so that its lines have no names. */
const RefusedLine = wireOf(bankStatementLines)
  .pick({
    direction: true,
    amount: true,
    reversal: true,
    bookingDate: true,
    valueDate: true,
    bankReference: true,
    endToEndId: true,
    paymentReference: true,
  })
  .extend({ position: z.number().int() })
  .openapi('RefusedStatementLine');

export const BankStatementDetail = BankStatement.extend({
  bookedCount: z.number().int().openapi({ description: 'How many of the lines are booked' }),
  lines: z.array(BankStatementLine),
  refusedLines: z.array(RefusedLine).openapi({
    description:
      'Of a refused file what it says, as far as it can be read line by line; `refusal` names the line that is at fault',
  }),
  insteadId: orNull.openapi({
    description:
      'Of a refused file the statement that counts in its place: of the same file, or of the same account and number, or day',
  }),
}).openapi('BankStatementDetail');

export const statementQuery = z
  .strictObject({
    ...pageQuery,
    status: z.enum(bankStatementStatus.enumValues).optional(),
    standing: z.enum(statementStanding.enumValues).optional(),
    bankAccountId: idInput.optional(),
    statementReference: z.string().max(35).optional().openapi({
      description: 'What the bank calls it: each file of that number, refused ones too',
    }),
    ...periodQuery('Handed in'),
  })
  .refine(isForwards, FORWARDS);

export const UnallocatedReceipt = wireOf(unallocatedReceipts)
  .pick({
    id: true,
    statementLineId: true,
    asset: true,
    amount: true,
    reason: true,
    depositId: true,
    accountId: true,
    status: true,
    assigneeId: true,
    journalId: true,
    closingJournalId: true,
    explanation: true,
    explainedJournalId: true,
    restOf: true,
    approvalId: true,
    version: true,
    createdAt: true,
    closedAt: true,
  })
  .extend({ ageDays })
  .openapi('UnallocatedReceipt');

const text = z.union([z.string(), z.null()]);

export const UnallocatedReceiptDetail = UnallocatedReceipt.extend({
  payer: z.union([z.object({ name: text, account: text, remittance: z.string() }), z.null()]),
  candidates: z.array(wireId).openapi({
    description:
      'Deposits of the same amount that a customer of the payer’s name announced; nothing is decided by it',
  }),
  returns: z
    .union([z.object({ withdrawalId: wireId, accountId: wireId }).openapi('ReturnedWithdrawal'), z.null()])
    .openapi({
      description:
        'The withdrawal whose payout it brings back, by the end-to-end id that the bank cites: once that is completed it is ' +
        'allocated to that account and to no other',
    }),
}).openapi('UnallocatedReceiptDetail');

export const receiptQuery = z
  .strictObject({
    ...pageQuery,
    status: z.enum(receiptStatus.enumValues).optional(),
    assigneeId: idInput.optional(),
    asset: assetInput.optional(),
    depositId: idInput.optional(),
    ...periodQuery('Booked'),
  })
  .refine(isForwards, FORWARDS);

export const AllocateReceipt = z
  .strictObject({
    depositId: idInput.optional(),
    accountId: idInput.optional(),
    reason: ApprovalReason.shape.reason,
  })
  .refine(
    (body) => (body.depositId === undefined) !== (body.accountId === undefined),
    'names a deposit or an account',
  )
  .openapi('AllocateReceipt');

const reason = ApprovalReason.shape.reason;

export const ExplainReceipt = z
  .discriminatedUnion('explanation', [
    z
      .strictObject({ explanation: z.literal('booked'), journalId: idInput, reason })
      .openapi('ExplainReceiptByJournal'),
    z
      .strictObject({
        explanation: z.literal('provider_settlement'),
        provider: z
          .string()
          .regex(/^[a-z0-9-]{1,32}$/, 'must be the name of a provider')
          .openapi({ example: 'acme' }),
        depositIds: z
          .array(idInput)
          .min(1)
          .max(1000)
          .refine((ids) => new Set(ids).size === ids.length, 'name each deposit once'),
        fee: amountInput.optional().openapi({ description: 'What the provider kept for itself.' }),
        rest: amountInput.optional().openapi({
          description:
            'What of it was paid for none of these deposits: it stays open, as a receipt of its own.',
        }),
        reason,
      })
      .openapi('ExplainReceiptBySettlement'),
    z
      .strictObject({
        explanation: z.literal('house'),
        house: z.strictObject({
          role: z.enum(HOUSE_MONEY),
          reference: z
            .string()
            .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/, 'must be a short reference')
            .openapi({ example: 'bank-interest' }),
        }),
        reason,
      })
      .openapi('ExplainReceiptAsHouseMoney'),
  ])
  .openapi('ExplainReceipt');
