import { z } from '@hono/zod-openapi';
import type { Role } from '../../kernel/actor.ts';
import { pageOf, pageQuery } from '../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { idInput, instantInput } from '../../platform/http/wire.ts';
import {
  ClosedPosition,
  Entry,
  Hold,
  Journal,
  JournalQuery,
  Lot,
  LotQuery,
  Wallet,
  WalletEntry,
  WalletEntryQuery,
} from './api.ts';
import { PastWallets } from './by-hand/api.ts';
import { LEDGER_PROBLEMS } from './errors.ts';
import { listClosedPositions } from './held-assets.ts';
import { getJournal, listJournals } from './read-journals.ts';
import { listWalletEntries } from './read-wallet-entries.ts';
import { walletsAt } from './read-wallets.ts';
import { listEntries, listHolds, listLots, listWallets } from './store.ts';

const READERS = [
  'support',
  'compliance_officer',
  'mlro',
  'operations',
  'risk_manager',
  'auditor',
] as const satisfies readonly Role[];
const BOOKKEEPERS = [
  'compliance_officer',
  'mlro',
  'operations',
  'auditor',
] as const satisfies readonly Role[];

const params = z.object({ id: idInput });
const query = z.strictObject(pageQuery);

export const ledgerEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'listWallets',
    method: 'get',
    path: '/v1/accounts/{id}/wallets',
    tag: 'ledger',
    summary: 'The balances of an account',
    access: { customer: true, staff: READERS, scope: 'accounts:read' },
    description:
      'With `at`, what was booked by a past instant: totals only, as nothing else is known of the past.',
    params,
    query: z.strictObject({ at: instantInput.optional() }),
    responses: {
      200: z.union([z.object({ data: z.array(Wallet) }).openapi('WalletList'), PastWallets]),
    },
    problems: pickProblems(LEDGER_PROBLEMS, 'instant_in_future'),
    handler: async (ctx, { params: { id }, query: { at } }) => ({
      status: 200,
      body:
        at === undefined ? { data: await listWallets(ctx, id) } : { at, data: await walletsAt(ctx, id, at) },
    }),
  }),
  endpoint({
    operationId: 'listEntries',
    method: 'get',
    path: '/v1/accounts/{id}/entries',
    tag: 'ledger',
    summary: 'What was booked in an account, newest first',
    access: { customer: true, staff: READERS, scope: 'accounts:read' },
    params,
    query,
    responses: { 200: pageOf(Entry) },
    handler: async (ctx, { params: { id }, query: page }) => ({
      status: 200,
      body: await listEntries(ctx, { ...page, accountId: id }),
    }),
  }),
  endpoint({
    operationId: 'listHolds',
    method: 'get',
    path: '/v1/accounts/{id}/holds',
    tag: 'ledger',
    summary: 'What is reserved in an account, newest first',
    access: { customer: true, staff: READERS, scope: 'accounts:read' },
    params,
    query,
    responses: { 200: pageOf(Hold) },
    handler: async (ctx, { params: { id }, query: page }) => ({
      status: 200,
      body: await listHolds(ctx, { ...page, accountId: id }),
    }),
  }),
  endpoint({
    operationId: 'listLots',
    method: 'get',
    path: '/v1/accounts/{id}/lots',
    tag: 'ledger',
    summary: 'The acquisitions of an account, newest first',
    access: { customer: true, staff: READERS, scope: 'accounts:read' },
    params,
    query: LotQuery,
    responses: { 200: pageOf(Lot) },
    handler: async (ctx, { params: { id }, query: page }) => ({
      status: 200,
      body: await listLots(ctx, { ...page, accountId: id }),
    }),
  }),
  endpoint({
    operationId: 'listClosedPositions',
    method: 'get',
    path: '/v1/accounts/{id}/closed-positions',
    tag: 'ledger',
    summary: 'What left the lots of an account and what it realised, newest first',
    access: { customer: true, staff: READERS, scope: 'accounts:read' },
    params,
    query,
    responses: { 200: pageOf(ClosedPosition) },
    handler: async (ctx, { params: { id }, query: page }) => ({
      status: 200,
      body: await listClosedPositions(ctx, { ...page, accountId: id }),
    }),
  }),
  endpoint({
    operationId: 'listWalletEntries',
    method: 'get',
    path: '/v1/wallets/{id}/entries',
    tag: 'ledger',
    summary: 'The history of one wallet, of the house too, newest first',
    access: { staff: BOOKKEEPERS, scope: 'ledger:read' },
    description:
      'Each entry says what the wallet held after it and names its journal, which `GET /v1/journals/{id}` shows with ' +
      'its other legs. `referenceId` finds what was booked in the wallet for one deposit, withdrawal or trade.',
    params,
    query: WalletEntryQuery,
    responses: { 200: pageOf(WalletEntry) },
    handler: async (ctx, { params: { id }, query: page }) => ({
      status: 200,
      body: await listWalletEntries(ctx, { ...page, walletId: id }),
    }),
  }),
  endpoint({
    operationId: 'listJournals',
    method: 'get',
    path: '/v1/journals',
    tag: 'ledger',
    summary: 'Postings with their entries, newest first',
    access: { staff: BOOKKEEPERS, scope: 'ledger:read' },
    description:
      'In the order of their ids, which is that of booking, but for postings by hand: these bear the id they were asked ' +
      'for by. What was booked in a time, `from` and `to` say.',
    query: JournalQuery,
    responses: { 200: pageOf(Journal) },
    handler: async (ctx, { query: page }) => ({ status: 200, body: await listJournals(ctx, page) }),
  }),
  endpoint({
    operationId: 'getJournal',
    method: 'get',
    path: '/v1/journals/{id}',
    tag: 'ledger',
    summary: 'One posting with its entries',
    access: { staff: BOOKKEEPERS, scope: 'ledger:read' },
    params,
    responses: { 200: Journal },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getJournal(ctx, id) }),
  }),
];
