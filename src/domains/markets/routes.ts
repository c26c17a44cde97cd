import { z } from '@hono/zod-openapi';
import { STAFF_ROLES } from '../../kernel/actor.ts';
import { pageOf } from '../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import {
  Asset,
  HaltQuery,
  Instrument,
  InstrumentChange,
  InstrumentQuery,
  NewHalt,
  NewInstrument,
  ProposedChange,
  ProposedForInstrument,
  ProposedInstrument,
  ReasonInput,
  symbolInput,
  TradingHalt,
} from './api.ts';
import { calendarEndpoints } from './calendars/routes.ts';
import { changeInstrument } from './change-instrument.ts';
import { delistInstrument } from './delist-instrument.ts';
import { MARKETS_PROBLEMS } from './errors.ts';
import { haltInstrument } from './halt-instrument.ts';
import { listHalts } from './list-halts.ts';
import { listInstruments } from './list-instruments.ts';
import { proposeInstrument } from './propose-instrument.ts';
import { resumeInstrument } from './resume-instrument.ts';
import { getInstrument, listAssets } from './store.ts';

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
    summary: 'What can be traded, by symbol',
    access: EVERYONE,
    query: InstrumentQuery,
    responses: { 200: pageOf(Instrument).openapi('InstrumentPage') },
    handler: async (ctx, { query }) => ({ status: 200, body: await listInstruments(ctx, query) }),
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
    operationId: 'createInstrument',
    method: 'post',
    path: '/v1/instruments',
    tag: 'markets',
    summary: 'List an instrument',
    description:
      'It is halted until another person approves its terms, and cannot trade before it has a price. A contract needs margin terms and, in `priceSettings`, a feed.',
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
        'instrument_identifier_invalid',
        'instrument_margin_invalid',
        'instrument_asset_unknown',
        'contract_needs_feed',
        'feed_settings_incomplete',
        'feed_not_for_production',
        'feed_symbol_taken',
        'symbol_taken',
      ),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { body }) => ({ status: 201, body: await proposeInstrument(ctx, body) }),
  }),
  endpoint({
    operationId: 'changeInstrument',
    method: 'patch',
    path: '/v1/instruments/{symbol}',
    tag: 'markets',
    summary: 'Change an instrument',
    description:
      'Name, description, identifiers, sector, industry and metadata change at once. Whatever guards trading (sizes, collar, fees, margin, execution) waits for another person; tick, lot and execution also for the instrument to be halted for a minute without open orders.',
    access: { staff: ['admin', 'risk_manager'] },
    category: 'admin_action',
    ifMatch: true,
    params,
    body: InstrumentChange,
    example: { collarBps: 500, reason: 'Closer to the market' },
    responses: { 200: Instrument, 202: ProposedChange },
    problems: {
      ...pickProblems(
        MARKETS_PROBLEMS,
        'instrument_not_listed',
        'instrument_delisted',
        'instrument_steps_inexact',
        'instrument_terms_invalid',
        'instrument_identifier_invalid',
        'instrument_margin_invalid',
        'instrument_asset_unknown',
        'instrument_not_halted',
        'instrument_has_open_orders',
        'instrument_has_positions',
      ),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { symbol }, body }) => {
      const changed = await changeInstrument(ctx, symbol, body);
      return { status: 'approvalId' in changed ? 202 : 200, body: changed };
    },
  }),
  endpoint({
    operationId: 'haltInstrument',
    method: 'post',
    path: '/v1/instruments/{symbol}/halt',
    tag: 'markets',
    summary: 'Halt an instrument, or make its halt longer',
    description:
      'One person halts; another has to agree before it trades again, unless the halt was set to end. What rests stays in the book and can be cancelled.',
    access: { staff: ['risk_manager', 'admin', 'operations'] },
    category: 'trading',
    params,
    body: NewHalt,
    example: { reason: 'Pending news', until: '2030-01-31T15:00:00Z' },
    responses: { 200: Instrument },
    problems: pickProblems(
      MARKETS_PROBLEMS,
      'halt_period_invalid',
      'instrument_not_listed',
      'instrument_delisted',
      'instrument_already_halted',
    ),
    handler: async (ctx, { params: { symbol }, body }) => ({
      status: 200,
      body: await haltInstrument(ctx, symbol, body),
    }),
  }),
  endpoint({
    operationId: 'resumeInstrument',
    method: 'post',
    path: '/v1/instruments/{symbol}/resume',
    tag: 'markets',
    summary: 'Ask that a halted instrument trades again',
    access: { staff: ['risk_manager', 'admin', 'operations'] },
    category: 'trading',
    params,
    body: ReasonInput,
    example: { reason: 'The news is out' },
    responses: { 202: ProposedForInstrument },
    problems: {
      ...pickProblems(
        MARKETS_PROBLEMS,
        'instrument_not_listed',
        'instrument_delisted',
        'instrument_not_halted',
      ),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { symbol }, body }) => ({
      status: 202,
      body: await resumeInstrument(ctx, symbol, body.reason),
    }),
  }),
  endpoint({
    operationId: 'delistInstrument',
    method: 'post',
    path: '/v1/instruments/{symbol}/delist',
    tag: 'markets',
    summary: 'Ask that an instrument is delisted for good',
    description: 'When another person agrees, it takes no more orders and those that are open are cancelled.',
    access: { staff: ['admin', 'risk_manager'] },
    category: 'admin_action',
    params,
    body: ReasonInput,
    example: { reason: 'The issuer left the exchange' },
    responses: { 202: ProposedForInstrument },
    problems: {
      ...pickProblems(
        MARKETS_PROBLEMS,
        'instrument_not_listed',
        'instrument_delisted',
        'instrument_has_positions',
      ),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { symbol }, body }) => ({
      status: 202,
      body: await delistInstrument(ctx, symbol, body.reason),
    }),
  }),
  endpoint({
    operationId: 'listTradingHalts',
    method: 'get',
    path: '/v1/instruments/{symbol}/halts',
    tag: 'markets',
    summary: 'When an instrument was halted and resumed, newest first',
    access: EVERYONE,
    params,
    query: HaltQuery,
    responses: { 200: pageOf(TradingHalt).openapi('TradingHaltPage') },
    handler: async (ctx, { params: { symbol }, query }) => ({
      status: 200,
      body: await listHalts(ctx, symbol, query),
    }),
  }),
  ...calendarEndpoints,
];
