import { z } from '@hono/zod-openapi';
import type { Role } from '../../kernel/actor.ts';
import { ZERO } from '../../kernel/amount.ts';
import { ApprovalReason } from '../../platform/approvals/api.ts';
import { pageOf } from '../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import { idInput } from '../../platform/http/wire.ts';
import { IDENTITY_PROBLEMS } from '../identity/index.ts';
import { LEDGER_PROBLEMS } from '../ledger/index.ts';
import { allocateReceipt, returnReceipt } from './allocate-receipt.ts';
import { ApprovalRequested } from './api.ts';
import { MAX_STATEMENT_BYTES } from './camt-053.ts';
import { FUNDING_PROBLEMS } from './errors.ts';
import { proposeReceiptExplanation, type ReceiptExplanation } from './explain-receipt.ts';
import { importStatement } from './import-statement.ts';
import { proposeBankAccount } from './set-bank-account.ts';
import {
  AllocateReceipt,
  BankAccount,
  BankStatement,
  BankStatementDetail,
  ExplainReceipt,
  NewBankAccount,
  receiptQuery,
  StatementFile,
  statementQuery,
  UnallocatedReceipt,
  UnallocatedReceiptDetail,
} from './statement-api.ts';
import {
  aged,
  getReceipt,
  getStatement,
  listBankAccounts,
  listReceipts,
  listStatements,
} from './statement-store.ts';
import { voidStatement } from './void-statement.ts';

const OPERATIONS = ['operations'] as const satisfies readonly Role[];
const READERS = ['operations', 'compliance_officer', 'mlro', 'auditor'] as const satisfies readonly Role[];

const params = z.object({ id: idInput });
const tag = 'funding';
const category = 'financial';
const ASKING = pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists');

const statements: readonly Endpoint[] = [
  endpoint({
    operationId: 'listBankAccounts',
    method: 'get',
    path: '/v1/bank-accounts',
    tag,
    summary: 'The bank accounts whose statements are taken',
    access: { staff: READERS },
    responses: { 200: z.object({ data: z.array(BankAccount) }).openapi('BankAccountList') },
    handler: async (ctx) => ({ status: 200, body: { data: await listBankAccounts(ctx) } }),
  }),
  endpoint({
    operationId: 'addBankAccount',
    method: 'post',
    path: '/v1/bank-accounts',
    tag,
    category,
    summary: 'Ask to take the statements of a bank account',
    description:
      'Another person approves; until then its statements are refused. A number is of clients’ money or of the firm’s ' +
      'own, never of both, and that never changes.',
    access: { staff: OPERATIONS },
    body: NewBankAccount,
    example: {
      iban: 'MU17BOMM0101101030300200000MUR',
      currency: 'EUR',
      houseReference: 'main',
      name: 'Client money, Bank One',
      reason: 'Opened for euro clients',
    },
    responses: { 202: ApprovalRequested },
    problems: {
      ...pickProblems(FUNDING_PROBLEMS, 'bank_account_not_fiat', 'bank_account_exists'),
      ...pickProblems(LEDGER_PROBLEMS, 'unknown_asset'),
      ...ASKING,
    },
    handler: async (ctx, { body }) => ({
      status: 202,
      body: { approval: await proposeBankAccount(ctx, body) },
    }),
  }),
  endpoint({
    operationId: 'importBankStatement',
    method: 'post',
    path: '/v1/bank-statements',
    inRecovery: true,
    tag,
    category,
    summary: 'Import a bank statement',
    description:
      'The body is the file as the bank sent it, one statement in camt.053.001.02 or .08. All of it is taken or ' +
      'nothing; a refused file is kept with its reason. Until another person confirms that it is the bank’s ' +
      '(`confirmationId`), it is `waiting` and nothing is booked by it; after that credits are booked one after the ' +
      'other within a minute: `bookedAt` says when all were, `bookedCount` how far it is. Of an account of the firm’s own ' +
      'nothing is ever booked; reconciliation compares it with its house wallet. A file or statement that was imported ' +
      'already is refused, and one that does not begin where the last one of the account ended.',
    access: { staff: OPERATIONS },
    body: StatementFile,
    bodyKind: 'raw',
    bodyTypes: ['application/xml', 'text/xml'],
    maxBodyBytes: MAX_STATEMENT_BYTES,
    responses: { 201: BankStatementDetail },
    problems: pickProblems(
      FUNDING_PROBLEMS,
      'statement_unreadable',
      'statement_wrong_account',
      'statement_totals_differ',
      'statement_duplicate',
      'statement_gap',
      'statement_not_bookable',
    ),
    handler: async (ctx, { body }) => {
      // A raw body is not parsed: it comes as the bytes that were sent.
      const { id } = await importStatement(ctx, body as unknown as Uint8Array);
      return { status: 201, body: await getStatement(ctx, id) };
    },
  }),
  endpoint({
    operationId: 'listBankStatements',
    method: 'get',
    path: '/v1/bank-statements',
    tag,
    summary: 'Bank statements, newest first, refused files included',
    access: { staff: READERS },
    query: statementQuery,
    responses: { 200: pageOf(BankStatement) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listStatements(ctx, query) }),
  }),
  endpoint({
    operationId: 'getBankStatement',
    method: 'get',
    path: '/v1/bank-statements/{id}',
    tag,
    summary: 'A bank statement with its lines and what became of them',
    description: 'Of a refused file what it says, why it was refused, and what counts in its place.',
    access: { staff: READERS },
    params,
    responses: { 200: BankStatementDetail },
    problems: pickProblems(FUNDING_PROBLEMS, 'evidence_changed'),
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getStatement(ctx, id) }),
  }),
  endpoint({
    operationId: 'voidBankStatement',
    method: 'post',
    path: '/v1/bank-statements/{id}/void',
    inRecovery: true,
    tag,
    category,
    summary: 'Ask to give up a statement that was wrongly imported',
    description:
      'Another person approves; then what the statement booked is undone by journals that cite the originals, its ' +
      'deposits wait again, and the true statement can be imported. Only the newest of its account that counts, and ' +
      'only while what it booked is where it was booked to.',
    access: { staff: OPERATIONS },
    params,
    body: ApprovalReason,
    example: { reason: 'The file was of another day' },
    responses: { 202: ApprovalRequested },
    problems: {
      ...pickProblems(
        FUNDING_PROBLEMS,
        'statement_not_counted',
        'statement_out_of_turn',
        'statement_moved_on',
      ),
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action'),
      ...ASKING,
    },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 202,
      body: { approval: await voidStatement(ctx, { statementId: id, ...body }) },
    }),
  }),
];

const receipts: readonly Endpoint[] = [
  endpoint({
    operationId: 'listUnallocatedReceipts',
    method: 'get',
    path: '/v1/unallocated-receipts',
    tag,
    summary: 'Money that was received and is nobody’s yet, newest first',
    access: { staff: READERS },
    query: receiptQuery,
    responses: { 200: pageOf(UnallocatedReceipt) },
    handler: async (ctx, { query }) => {
      const page = await listReceipts(ctx, query);
      return { status: 200, body: { ...page, data: page.data.map((row) => aged(ctx, row)) } };
    },
  }),
  endpoint({
    operationId: 'getUnallocatedReceipt',
    method: 'get',
    path: '/v1/unallocated-receipts/{id}',
    tag,
    summary: 'One receipt with what the bank told of its payer',
    access: { staff: READERS },
    params,
    responses: { 200: UnallocatedReceiptDetail },
    problems: pickProblems(IDENTITY_PROBLEMS, 'self_action'),
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: aged(ctx, await getReceipt(ctx, id)) }),
  }),
  endpoint({
    operationId: 'allocateReceipt',
    method: 'post',
    path: '/v1/unallocated-receipts/{id}/allocate',
    tag,
    category,
    summary: 'Ask to give received money to a deposit or an account',
    access: { staff: OPERATIONS },
    params,
    body: AllocateReceipt,
    example: { accountId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001', reason: 'The payer forgot the reference' },
    responses: { 202: ApprovalRequested },
    problems: {
      ...pickProblems(
        FUNDING_PROBLEMS,
        'receipt_closed',
        'receipt_does_not_fit',
        'deposit_status_conflict',
        'account_not_live',
        'account_not_active',
      ),
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action'),
      ...ASKING,
    },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 202,
      body: { approval: await allocateReceipt(ctx, { receiptId: id, ...body }) },
    }),
  }),
  endpoint({
    operationId: 'returnReceipt',
    method: 'post',
    path: '/v1/unallocated-receipts/{id}/return',
    tag,
    category,
    summary: 'Ask to send received money back to its payer',
    access: { staff: OPERATIONS },
    params,
    body: ApprovalReason,
    example: { reason: 'The payer is not a customer' },
    responses: { 202: ApprovalRequested },
    problems: {
      ...pickProblems(FUNDING_PROBLEMS, 'receipt_closed', 'receipt_does_not_fit', 'debt_open'),
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action'),
      ...ASKING,
    },
    handler: async (ctx, { params: { id }, body: { reason } }) => ({
      status: 202,
      body: { approval: await returnReceipt(ctx, { receiptId: id, reason }) },
    }),
  }),
  endpoint({
    operationId: 'explainReceipt',
    method: 'post',
    path: '/v1/unallocated-receipts/{id}/explain',
    tag,
    category,
    summary: 'Ask another person to agree what received money was',
    description:
      'A journal that had the same amount reach the same bank account before the bank showed it, what a provider pays ' +
      'over for deposits less its fee, or money of the house; compliance decides on the last. What the receipt booked ' +
      'is undone against it. What a provider kept is booked as a debt of the firm to its clients’ money, and what it paid ' +
      'for none of the deposits that are named stays open as a receipt of its own.',
    access: { staff: OPERATIONS },
    params,
    body: ExplainReceipt,
    example: {
      explanation: 'house',
      house: { role: 'fees_earned', reference: 'bank-interest' },
      reason: 'Interest of January, by the bank’s advice',
    },
    responses: { 202: ApprovalRequested },
    problems: {
      ...pickProblems(FUNDING_PROBLEMS, 'receipt_closed', 'receipt_does_not_fit', 'receipt_not_explained'),
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action'),
      ...ASKING,
    },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 202,
      body: {
        approval: await proposeReceiptExplanation(ctx, {
          receiptId: id,
          explanation: explanationOf(body),
          reason: body.reason,
        }),
      },
    }),
  }),
];

/** What the bank told, and the work that leaves. */
export const statementEndpoints: readonly Endpoint[] = [...statements, ...receipts];

function explanationOf(body: z.output<typeof ExplainReceipt>): ReceiptExplanation {
  switch (body.explanation) {
    case 'booked':
      return { kind: 'booked', journalId: body.journalId };
    case 'provider_settlement': {
      const { provider, depositIds, fee = ZERO, rest = ZERO } = body;
      return { kind: 'provider_settlement', provider, depositIds, fee, rest };
    }
    case 'house':
      return { kind: 'house', house: body.house };
  }
}
