import { z } from '@hono/zod-openapi';
import { STAFF_ROLES } from '../../kernel/actor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import {
  Asset,
  Instrument,
  MarketClock,
  NewInstrument,
  ProposedInstrument,
  Quote,
  symbolInput,
} from './api.ts';
import { MARKETS_PROBLEMS } from './errors.ts';
import { proposeInstrument } from './propose-instrument.ts';
import { getInstrument, getQuote, listAssets, listInstruments } from './store.ts';

const EVERYONE = { customer: true, staff: STAFF_ROLES, scope: 'markets:read' } as const;
const params = z.object({ symbol: symbolInput });

export const marketsEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'listAssets',
    method: 'get',
    path: '/v1/assets',
    tag: 'markets',
    summary: 'What can be held',
    access: EVERYONE,
    responses: { 200: z.object({ data: z.array(Asset) }).openapi('AssetList') },
    handler: async (ctx) => ({ status: 200, body: { data: await listAssets(ctx) } }),
  }),
  endpoint({
    operationId: 'listInstruments',
    method: 'get',
    path: '/v1/instruments',
    tag: 'markets',
    summary: 'What can be traded',
    access: EVERYONE,
    responses: { 200: z.object({ data: z.array(Instrument) }).openapi('InstrumentList') },
    handler: async (ctx) => ({ status: 200, body: { data: await listInstruments(ctx) } }),
  }),
  endpoint({
    operationId: 'getInstrument',
    method: 'get',
    path: '/v1/instruments/{symbol}',
    tag: 'markets',
    summary: 'One instrument',
    description: 'A slash of the symbol is sent encoded: `/v1/instruments/BTC%2FUSD`.',
    access: EVERYONE,
    params,
    responses: { 200: Instrument },
    handler: async (ctx, { params: { symbol } }) => ({
      status: 200,
      body: await getInstrument(ctx, symbol),
    }),
  }),
  endpoint({
    operationId: 'getQuote',
    method: 'get',
    path: '/v1/instruments/{symbol}/quote',
    tag: 'markets',
    summary: 'The latest price of an instrument',
    access: EVERYONE,
    params,
    responses: { 200: Quote },
    handler: async (ctx, { params: { symbol } }) => ({ status: 200, body: await getQuote(ctx, symbol) }),
  }),
  endpoint({
    operationId: 'getMarketClock',
    method: 'get',
    path: '/v1/market/clock',
    tag: 'markets',
    summary: 'The time that orders and sessions go by',
    access: EVERYONE,
    responses: { 200: MarketClock },
    handler: async (ctx) => ({ status: 200, body: { now: ctx.deps.clock.now(), phase: 'continuous' } }),
  }),
  endpoint({
    operationId: 'createInstrument',
    method: 'post',
    path: '/v1/instruments',
    tag: 'markets',
    summary: 'List a spot instrument',
    description:
      'It is halted until another person approves its fees, sizes and collar, and cannot trade before it has a price.',
    access: { staff: ['admin'] },
    category: 'admin_action',
    body: NewInstrument,
    example: {
      symbol: 'SOL/USD',
      name: 'Solana',
      type: 'crypto',
      exchange: 'CRYPTO',
      baseAsset: 'SOL',
      quoteAsset: 'USD',
      tick: '0.01',
      lot: '0.001',
      minQuantity: '0.001',
      maxQuantity: '100000',
      collarBps: 1000,
      makerFeeBps: 10,
      takerFeeBps: 20,
    },
    responses: { 201: ProposedInstrument },
    problems: {
      ...pickProblems(
        MARKETS_PROBLEMS,
        'instrument_steps_inexact',
        'instrument_terms_invalid',
        'instrument_asset_unknown',
        'symbol_taken',
      ),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { body }) => ({ status: 201, body: await proposeInstrument(ctx, body) }),
  }),
];
