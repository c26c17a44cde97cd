import { z } from '@hono/zod-openapi';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { MARKETS_PROBLEMS } from '../errors.ts';
import { NewWatchlist, Watchlist, WatchlistChange, WatchlistList } from './api.ts';
import { changeWatchlist, deleteWatchlist } from './change-watchlist.ts';
import { createWatchlist } from './create-watchlist.ts';
import { WATCHLIST_PROBLEMS } from './problems.ts';
import { getWatchlist, listWatchlists } from './store.ts';

const READING = { customer: true, scope: 'markets:read' } as const;
const WRITING = { customer: true, scope: 'markets:write' } as const;
const params = z.object({ id: idInput });

const problems = {
  ...pickProblems(WATCHLIST_PROBLEMS, 'watchlist_name_taken', 'watchlist_symbol_repeated'),
  ...pickProblems(MARKETS_PROBLEMS, 'unknown_symbol'),
};

export const watchlistEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'listWatchlists',
    method: 'get',
    path: '/v1/watchlists',
    tag: 'markets',
    summary: 'The caller’s watchlists, oldest first',
    access: READING,
    responses: { 200: WatchlistList },
    handler: async (ctx) => ({ status: 200, body: { data: await listWatchlists(ctx) } }),
  }),
  endpoint({
    operationId: 'createWatchlist',
    method: 'post',
    path: '/v1/watchlists',
    tag: 'markets',
    summary: 'Make a watchlist',
    description: 'A person has up to 50, with names that differ in more than case or accents.',
    access: WRITING,
    category: 'system',
    body: NewWatchlist,
    example: { name: 'Crypto', symbols: ['BTC/USD'] },
    responses: { 201: Watchlist },
    problems: { ...problems, ...pickProblems(WATCHLIST_PROBLEMS, 'watchlist_limit_reached') },
    handler: async (ctx, { body }) => ({ status: 201, body: await createWatchlist(ctx, body) }),
  }),
  endpoint({
    operationId: 'getWatchlist',
    method: 'get',
    path: '/v1/watchlists/{id}',
    tag: 'markets',
    summary: 'One watchlist',
    access: READING,
    params,
    responses: { 200: Watchlist },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getWatchlist(ctx, id) }),
  }),
  endpoint({
    operationId: 'changeWatchlist',
    method: 'patch',
    path: '/v1/watchlists/{id}',
    tag: 'markets',
    summary: 'Rename a watchlist, or put other instruments on it',
    description: '`symbols` replaces all of them; their order is kept.',
    access: WRITING,
    category: 'system',
    ifMatch: true,
    params,
    body: WatchlistChange,
    example: { symbols: ['BTC/USD', 'ETH/USD'] },
    responses: { 200: Watchlist },
    problems,
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: await changeWatchlist(ctx, id, body),
    }),
  }),
  endpoint({
    operationId: 'deleteWatchlist',
    method: 'delete',
    path: '/v1/watchlists/{id}',
    tag: 'markets',
    summary: 'Delete a watchlist',
    access: WRITING,
    category: 'system',
    params,
    responses: { 204: null },
    handler: async (ctx, { params: { id } }) => {
      await deleteWatchlist(ctx, id);
      return { status: 204 };
    },
  }),
];
