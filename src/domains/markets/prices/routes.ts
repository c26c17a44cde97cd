import { z } from '@hono/zod-openapi';
import { STAFF_ROLES } from '../../../kernel/actor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { IDENTITY_PROBLEMS } from '../../identity/index.ts';
import { symbolInput } from '../api.ts';
import { MARKETS_PROBLEMS } from '../errors.ts';
import { acceptPriceLevel } from './accept-price-level.ts';
import {
  CandlePage,
  CandleQuery,
  FeedGapPage,
  FeedGapQuery,
  NewReferencePrice,
  PriceLevelAcceptance,
  PriceSettings,
  PriceSettingsProposal,
  ProposedPriceChange,
  QuarantinedTickPage,
  QuarantinedTickQuery,
  Quote,
} from './api.ts';
import { listCandles } from './candles.ts';
import { listFeedGaps } from './feed-gaps.ts';
import { listQuarantinedTicks } from './list-quarantined-ticks.ts';
import { proposePriceSettings } from './propose-price-settings.ts';
import { getQuote } from './quote.ts';
import { proposeReferencePrice } from './reference-price.ts';
import { getPriceSettings } from './settings.ts';

const EVERYONE = { customer: true, staff: STAFF_ROLES, scope: 'markets:read' } as const;
const READERS = { staff: ['risk_manager', 'operations', 'compliance_officer', 'auditor', 'admin'] } as const;
const WRITERS = { staff: ['risk_manager', 'admin'] } as const;
const params = z.object({ symbol: symbolInput });
const PENDING = pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists');
const OWN = pickProblems(IDENTITY_PROBLEMS, 'self_action');

const marketData: readonly Endpoint[] = [
  endpoint({
    operationId: 'getQuote',
    method: 'get',
    path: '/v1/instruments/{symbol}/quote',
    tag: 'markets',
    summary: 'The latest price of an instrument, and its last 24 hours',
    access: EVERYONE,
    params,
    responses: { 200: Quote },
    handler: async (ctx, { params: { symbol } }) => ({ status: 200, body: await getQuote(ctx, symbol) }),
  }),
  endpoint({
    operationId: 'listCandles',
    method: 'get',
    path: '/v1/instruments/{symbol}/candles',
    tag: 'markets',
    summary: 'Candles of an instrument, newest first',
    description:
      'Made of every trade of its book and every tick of its feed; a time without any has no candle. The newest still changes, and a late tick changes an earlier one.',
    access: EVERYONE,
    params,
    query: CandleQuery,
    responses: { 200: CandlePage },
    handler: async (ctx, { params: { symbol }, query }) => ({
      status: 200,
      body: await listCandles(ctx, symbol, query),
    }),
  }),
];

const guards: readonly Endpoint[] = [
  endpoint({
    operationId: 'getPriceSettings',
    method: 'get',
    path: '/v1/instruments/{symbol}/price-settings',
    tag: 'markets',
    summary: 'Where the price of an instrument comes from and what is believed of it',
    access: READERS,
    params,
    responses: { 200: PriceSettings },
    handler: async (ctx, { params: { symbol } }) => ({
      status: 200,
      body: await getPriceSettings(ctx, symbol),
    }),
  }),
  endpoint({
    operationId: 'proposePriceSettings',
    method: 'post',
    path: '/v1/instruments/{symbol}/price-settings',
    tag: 'markets',
    summary: 'Propose where the price of an instrument comes from',
    description:
      'Takes effect when a second person approves it. Another feed or symbol, or `beginAnew`, has the feed begin anew: it may count from elsewhere, and its first price is measured from the last one believed. Else it goes on where it was. A contract keeps a feed for as long as it is listed.',
    access: WRITERS,
    category: 'admin_action',
    params,
    body: PriceSettingsProposal,
    example: {
      feed: 'coinbase',
      feedSymbol: 'BTC-USD',
      maxJumpBps: 200,
      staleAfterSeconds: 30,
      levelTicks: 20,
      reason: 'Priced by the exchange its liquidity comes from',
    },
    responses: { 202: ProposedPriceChange },
    problems: {
      ...pickProblems(
        MARKETS_PROBLEMS,
        'feed_settings_incomplete',
        'feed_not_for_production',
        'contract_needs_feed',
        'feed_symbol_taken',
      ),
      ...PENDING,
    },
    handler: async (ctx, { params: { symbol }, body }) => ({
      status: 202,
      body: await proposePriceSettings(ctx, symbol, body),
    }),
  }),
  endpoint({
    operationId: 'acceptPriceLevel',
    method: 'post',
    path: '/v1/instruments/{symbol}/price-level',
    tag: 'markets',
    summary: 'Propose to believe the level at which a feed stayed beyond a jump',
    description:
      'Once as many ticks in a row agree as the settings ask. It takes effect when a second person approves it, if the feed is still there. Neither of them holds the instrument as a customer.',
    access: WRITERS,
    category: 'trading',
    params,
    body: PriceLevelAcceptance,
    example: { reason: 'The exchange resumed after its auction' },
    responses: { 202: ProposedPriceChange },
    problems: { ...pickProblems(MARKETS_PROBLEMS, 'price_level_unsettled'), ...OWN, ...PENDING },
    handler: async (ctx, { params: { symbol }, body }) => ({
      status: 202,
      body: await acceptPriceLevel(ctx, symbol, body.reason),
    }),
  }),
  endpoint({
    operationId: 'proposeReferencePrice',
    method: 'post',
    path: '/v1/instruments/{symbol}/reference-price',
    tag: 'markets',
    summary: 'Propose a price for an instrument that no feed prices',
    description:
      'Its first, or another while nobody trades it. One other person agrees to a price within `maxJumpBps` (else the collar, at most a fifth) of every price known of it within a day; two agree to any other, to a first price that nothing is known of, and wherever somebody holds a position. It is as old as the question and stale after `staleAfterSeconds`, as any price is. None of them holds the instrument as a customer.',
    access: WRITERS,
    category: 'trading',
    params,
    body: NewReferencePrice,
    example: { price: '41.25', reason: 'Closing price of the exchange, 30 January, official list' },
    responses: { 202: ProposedPriceChange },
    problems: {
      ...pickProblems(
        MARKETS_PROBLEMS,
        'instrument_not_listed',
        'instrument_delisted',
        'price_from_feed',
        'price_age_missing',
        'reference_price_off_tick',
      ),
      ...OWN,
      ...PENDING,
    },
    handler: async (ctx, { params: { symbol }, body }) => ({
      status: 202,
      body: await proposeReferencePrice(ctx, symbol, body),
    }),
  }),
  endpoint({
    operationId: 'listQuarantinedTicks',
    method: 'get',
    path: '/v1/market/quarantined-ticks',
    tag: 'markets',
    summary: 'What feeds said and nobody believed, newest first',
    access: READERS,
    query: QuarantinedTickQuery,
    responses: { 200: QuarantinedTickPage },
    handler: async (ctx, { query }) => ({ status: 200, body: await listQuarantinedTicks(ctx, query) }),
  }),
  endpoint({
    operationId: 'listFeedGaps',
    method: 'get',
    path: '/v1/market/feed-gaps',
    tag: 'markets',
    summary: 'What of feeds did not arrive, newest first',
    description:
      'Of feeds that count every tick. Candles lack what is open until it is brought in, or arrives late by itself.',
    access: READERS,
    query: FeedGapQuery,
    responses: { 200: FeedGapPage },
    handler: async (ctx, { query }) => ({ status: 200, body: await listFeedGaps(ctx, query) }),
  }),
];

export const pricesEndpoints: readonly Endpoint[] = [...marketData, ...guards];
