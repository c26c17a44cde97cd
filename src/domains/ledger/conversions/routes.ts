import { z } from '@hono/zod-openapi';
import type { Role } from '../../../kernel/actor.ts';
import { ApprovalReason } from '../../../platform/approvals/api.ts';
import { pageOf } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { LEDGER_PROBLEMS } from '../errors.ts';
import {
  Conversion,
  ConversionQuote,
  conversionsQuery,
  FxPositions,
  FxRate,
  FxRateProposal,
  fxPositionsQuery,
  fxRatesQuery,
  NewConversion,
  NewConversionQuote,
  ProposedFxRate,
} from './api.ts';
import { executeConversion } from './execute-conversion.ts';
import { fxPositions } from './fx-positions.ts';
import { listFxRates } from './list-fx-rates.ts';
import { proposeFxRate, RATE_ROLES } from './propose-fx-rate.ts';
import { quoteConversion } from './quote-conversion.ts';
import { getConversion, listConversions, type ConversionQuote as Quoted } from './read-conversions.ts';
import { shownRate } from './rules.ts';
import { withdrawFxRate } from './withdraw-fx-rate.ts';

const READERS = [
  'support',
  'compliance_officer',
  'mlro',
  'operations',
  'risk_manager',
  'auditor',
] as const satisfies readonly Role[];
const RATE_READERS = [
  'compliance_officer',
  'mlro',
  'operations',
  'risk_manager',
  'auditor',
] as const satisfies readonly Role[];

const tag = 'ledger';
const params = z.object({ id: idInput });

const PATH = [
  'kyc_not_approved',
  'account_restricted',
  'under_review',
  'agreements_outdated',
  'account_not_active',
] as const;
const NOT_FOUND = pickProblems(PLATFORM_PROBLEMS, 'not_found');

const conversions: readonly Endpoint[] = [
  endpoint({
    operationId: 'createConversionQuote',
    method: 'post',
    path: '/v1/conversions/quotes',
    tag,
    category: 'financial',
    summary: 'A price to convert one currency into another, for a moment',
    description:
      'Names what is given or what is wanted. Nothing is reserved. Currencies alone are converted; units are ' +
      'bought and sold through orders.',
    access: { customer: true, scope: 'conversions:write' },
    body: NewConversionQuote,
    example: {
      accountId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001',
      fromAsset: 'USD',
      toAsset: 'EUR',
      fromAmount: '100',
    },
    responses: { 201: ConversionQuote },
    problems: {
      ...NOT_FOUND,
      ...pickProblems(
        LEDGER_PROBLEMS,
        ...PATH,
        'unknown_asset',
        'asset_not_convertible',
        'amount_too_precise',
        'rate_missing',
        'rate_stale',
        'conversion_too_small',
        'conversion_too_large',
        'quote_limit_reached',
      ),
    },
    handler: async (ctx, { body }) => ({ status: 201, body: shown(await quoteConversion(ctx, body)) }),
  }),
  endpoint({
    operationId: 'createConversion',
    method: 'post',
    path: '/v1/conversions',
    tag,
    category: 'financial',
    summary: 'Convert at a quoted price',
    description:
      'A quote is executed once: asking again answers the same conversion with 200. What can still be called back ' +
      'cannot be converted.',
    access: { customer: true, scope: 'conversions:write' },
    body: NewConversion,
    example: { quoteId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001' },
    idempotency: 'transaction',
    responses: { 200: Conversion, 201: Conversion },
    problems: {
      ...NOT_FOUND,
      ...pickProblems(
        LEDGER_PROBLEMS,
        ...PATH,
        'rate_stale',
        'quote_expired',
        'wallet_not_active',
        'margin_unknown',
        'insufficient_funds',
        'fx_position_full',
        'balance_out_of_range',
      ),
    },
    handler: async (ctx, { body: { quoteId } }) => {
      const { conversion, replayed } = await executeConversion(ctx, quoteId);
      return { status: replayed ? 200 : 201, body: shown(conversion) };
    },
  }),
  endpoint({
    operationId: 'listConversions',
    method: 'get',
    path: '/v1/conversions',
    tag,
    summary: 'What was converted, newest first',
    access: { customer: true, staff: READERS, scope: 'accounts:read' },
    query: conversionsQuery,
    responses: { 200: pageOf(Conversion) },
    handler: async (ctx, { query }) => {
      const page = await listConversions(ctx, query);
      return { status: 200, body: { ...page, data: page.data.map(shown) } };
    },
  }),
  endpoint({
    operationId: 'getConversion',
    method: 'get',
    path: '/v1/conversions/{id}',
    tag,
    summary: 'One conversion, by the id of its quote',
    access: { customer: true, staff: READERS, scope: 'accounts:read' },
    params,
    responses: { 200: Conversion },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: shown(await getConversion(ctx, id)) }),
  }),
];

const rates: readonly Endpoint[] = [
  endpoint({
    operationId: 'listFxRates',
    method: 'get',
    path: '/v1/fx-rates',
    tag,
    summary: 'Rates of exchange that were set, newest first',
    description: 'The newest of a pair counts until its end; after that the pair has none.',
    access: { staff: RATE_READERS, scope: 'ledger:read' },
    query: fxRatesQuery,
    responses: { 200: pageOf(FxRate) },
    handler: async (ctx, { query }) => {
      const page = await listFxRates(ctx, query);
      return {
        status: 200,
        body: { ...page, data: page.data.map((rate) => ({ ...rate, rate: shownRate(rate.rate) })) },
      };
    },
  }),
  endpoint({
    operationId: 'proposeFxRate',
    method: 'post',
    path: '/v1/fx-rates',
    tag,
    category: 'financial',
    summary: 'Propose a rate of exchange',
    description: 'It counts from the vote of another person until its end, seven days ahead at most.',
    access: { staff: RATE_ROLES, stepUp: true },
    body: FxRateProposal,
    example: {
      base: 'USD',
      quote: 'MUR',
      rate: '46.05',
      spreadBps: 50,
      positionMax: '250000',
      source: 'Bank of Mauritius, indicative middle',
      validUntil: '2026-02-01T16:00:00Z',
      reason: 'Rate of the day',
    },
    responses: { 202: ProposedFxRate },
    problems: pickProblems(LEDGER_PROBLEMS, 'unknown_asset', 'asset_not_convertible', 'rate_window_invalid'),
    handler: async (ctx, { body }) => ({ status: 202, body: { approval: await proposeFxRate(ctx, body) } }),
  }),
  endpoint({
    operationId: 'withdrawFxRate',
    method: 'post',
    path: '/v1/fx-rates/{id}/withdraw',
    tag,
    category: 'financial',
    summary: 'Stop a rate of exchange at once',
    description: 'Its open quotes can no longer be executed. Its pair has no rate until two people set one.',
    access: { staff: RATE_ROLES },
    params,
    body: ApprovalReason,
    example: { reason: 'Two digits were swapped' },
    responses: { 200: FxRate },
    problems: NOT_FOUND,
    handler: async (ctx, { params: { id }, body: { reason } }) => {
      const rate = await withdrawFxRate(ctx, { rateId: id, reason });
      return { status: 200, body: { ...rate, rate: shownRate(rate.rate), inForce: false } };
    },
  }),
  endpoint({
    operationId: 'listFxPositions',
    method: 'get',
    path: '/v1/fx-positions',
    tag,
    summary: 'What conversions left the house long and short in',
    access: { staff: RATE_READERS, scope: 'ledger:read' },
    query: fxPositionsQuery,
    responses: { 200: FxPositions },
    problems: pickProblems(LEDGER_PROBLEMS, 'unknown_asset', 'asset_not_convertible'),
    handler: async (ctx, { query }) => {
      const report = await fxPositions(ctx, query);
      const positions = report.positions.map((position) => ({
        ...position,
        midRate: position.midRate && shownRate(position.midRate),
      }));
      return { status: 200, body: { ...report, positions } };
    },
  }),
];

export const conversionEndpoints: readonly Endpoint[] = [...conversions, ...rates];

/** The rates of a quote in the decimals of the wire. */
function shown(quote: Quoted) {
  return { ...quote, rate: shownRate(quote.rate), midRate: shownRate(quote.midRate) };
}
