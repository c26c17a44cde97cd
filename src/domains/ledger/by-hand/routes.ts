import { z } from '@hono/zod-openapi';
import type { Role } from '../../../kernel/actor.ts';
import { pageOf } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { IDENTITY_PROBLEMS } from '../../identity/index.ts';
import { LEDGER_PROBLEMS } from '../errors.ts';
import { labelWallet } from '../label-wallet.ts';
import { getWallet, listHouseWallets } from '../read-wallets.ts';
import {
  HouseWallet,
  houseQuery,
  JournalApproval,
  NewFeeSweep,
  NewManualJournal,
  ReverseJournal,
  WalletDetail,
  WalletLabels,
} from './api.ts';
import { requestJournal } from './request-journal.ts';
import { requestReversal } from './request-reversal.ts';
import { requestFeeSweep } from './sweep-fees.ts';

const BOOKKEEPERS = [
  'compliance_officer',
  'mlro',
  'operations',
  'auditor',
] as const satisfies readonly Role[];
const MAKERS = ['operations'] as const satisfies readonly Role[];

const tag = 'ledger';
const category = 'financial';
const params = z.object({ id: idInput });
const SELF = pickProblems(IDENTITY_PROBLEMS, 'self_action');
const NOT_FOUND = pickProblems(PLATFORM_PROBLEMS, 'not_found');

const EXAMPLE = {
  kind: 'adjustment',
  description: 'Bank charge borne by the firm in error',
  valueDate: '2026-01-31',
  entries: [
    { house: { role: 'suspense', reference: 'bank-charges', asset: 'USD' }, amount: '12.5' },
    { house: { role: 'client_money_bank', reference: 'main', asset: 'USD' }, amount: '-12.5' },
  ],
  reason: 'The bank refunded it on the statement of the same day',
};

/** Postings by hand and their undoing, and wallets as staff read them. */
export const byHandEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'requestJournal',
    method: 'post',
    path: '/v1/journals',
    tag,
    category,
    summary: 'Ask for a journal by hand; another person decides',
    description:
      'Each kind takes from and gives to certain wallets only. Nothing moves before another person agrees; what ' +
      'was approved is then posted as it was shown, or refused if the books no longer allow it. What is on its way ' +
      '(`clearing`) is settled by hand and never made, and reaches a bank by a statement line only.',
    access: { staff: MAKERS },
    body: NewManualJournal,
    example: EXAMPLE,
    idempotency: 'transaction',
    responses: { 202: JournalApproval },
    problems: {
      ...pickProblems(
        LEDGER_PROBLEMS,
        'unknown_asset',
        'value_date_too_late',
        'value_date_closed',
        'journal_wallet_unknown',
        'journal_unbalanced',
        'journal_misfit',
        'journal_lots_wrong',
        'wallet_not_active',
        'insufficient_funds',
        'house_balance_wrong_side',
        'sweep_leaves_shortfall',
      ),
      ...SELF,
    },
    handler: async (ctx, { body }) => ({
      status: 202,
      body: { approval: await requestJournal(ctx, body) },
    }),
  }),
  endpoint({
    operationId: 'reverseJournal',
    method: 'post',
    path: '/v1/journals/{id}/reverse',
    tag,
    category,
    summary: 'Ask for the reversal of a journal by hand; another person decides',
    description:
      'The reversal mirrors every entry, cites the original and keeps its value date, unless the reconciliation of that day is ' +
      'signed: then it counts from today. A journal is reversed once ' +
      'at most, a reversal never; deposits are refunded, trades stand. What it moves of customers passes the votes of a ' +
      'withdrawal of that amount.',
    access: { staff: MAKERS },
    params,
    body: ReverseJournal,
    example: { reason: 'Posted twice' },
    responses: { 202: JournalApproval },
    problems: {
      ...pickProblems(
        LEDGER_PROBLEMS,
        'journal_not_reversible',
        'journal_reversed',
        'wallet_not_active',
        'insufficient_funds',
        'house_balance_wrong_side',
        'sweep_leaves_shortfall',
      ),
      ...SELF,
      ...NOT_FOUND,
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 202,
      body: { approval: await requestReversal(ctx, { journalId: id, reason: body.reason }) },
    }),
  }),
  endpoint({
    operationId: 'requestFeeSweep',
    method: 'post',
    path: '/v1/fee-sweeps',
    tag,
    category,
    summary: 'Ask to move earned fees out of client money; another person decides',
    description:
      'Fees lie in client money until they are swept to the firm’s own account. No more leaves than was earned, ' +
      'and nothing while less would be held than clients are owed. The debit on the bank statement is then ' +
      'explained by the journal of the sweep.',
    access: { staff: MAKERS },
    body: NewFeeSweep,
    example: { asset: 'USD', amount: '250', feesReference: 'trading', reason: 'Fees of January' },
    idempotency: 'transaction',
    responses: { 202: JournalApproval },
    problems: {
      ...pickProblems(
        LEDGER_PROBLEMS,
        'unknown_asset',
        'amount_too_precise',
        'sweep_exceeds_fees',
        'sweep_leaves_shortfall',
        'wallet_not_active',
      ),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { body }) => ({
      status: 202,
      body: { approval: await requestFeeSweep(ctx, body) },
    }),
  }),
  endpoint({
    operationId: 'listHouseWallets',
    method: 'get',
    path: '/v1/house-wallets',
    tag,
    summary: 'The wallets of the house with what the house chart says of them, newest first',
    access: { staff: BOOKKEEPERS, scope: 'ledger:read' },
    query: houseQuery,
    responses: { 200: pageOf(HouseWallet) },
    problems: pickProblems(LEDGER_PROBLEMS, 'instant_in_future'),
    handler: async (ctx, { query }) => ({ status: 200, body: await listHouseWallets(ctx, query) }),
  }),
  endpoint({
    operationId: 'getWallet',
    method: 'get',
    path: '/v1/wallets/{id}',
    tag,
    summary: 'One wallet, with its ETag',
    access: { staff: BOOKKEEPERS, scope: 'ledger:read' },
    params,
    responses: { 200: WalletDetail },
    problems: NOT_FOUND,
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getWallet(ctx, id) }),
  }),
  endpoint({
    operationId: 'labelWallet',
    method: 'patch',
    path: '/v1/wallets/{id}',
    tag,
    category,
    summary: 'Put references of your own systems on a wallet',
    description:
      'Replaces what was there. No balance and no status changes; the ETag of the reading is needed.',
    access: { staff: MAKERS },
    params,
    body: WalletLabels,
    example: { metadata: { general_ledger: '2100-017' } },
    ifMatch: true,
    responses: { 200: WalletDetail },
    problems: { ...NOT_FOUND, ...SELF },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: await labelWallet(ctx, id, body.metadata),
    }),
  }),
];
