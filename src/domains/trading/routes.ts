import { z } from '@hono/zod-openapi';
import { type Role, STAFF_ROLES } from '../../kernel/actor.ts';
import { pageOf, pageQuery } from '../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import { idInput } from '../../platform/http/wire.ts';
import { symbolInput } from '../markets/index.ts';
import {
  BookQuery,
  clientOrderIdInput,
  Fill,
  FillQuery,
  NewOrder,
  Order,
  OrderBook,
  OrderEventList,
  OrderList,
  OrderQuery,
  Trade,
} from './api.ts';
import { cancelOrder, cancelOrders } from './cancel-order.ts';
import { TRADING_PROBLEMS } from './errors.ts';
import { placeOrder } from './place-order.ts';
import {
  getOrder,
  getOrderBook,
  getOrderByClientId,
  listAccountTrades,
  listFills,
  listOrderEvents,
  listOrders,
  listTrades,
  viewOf,
} from './store.ts';

const READERS = [
  'support',
  'compliance_officer',
  'mlro',
  'operations',
  'risk_manager',
  'auditor',
] as const satisfies readonly Role[];
const READING = { customer: true, staff: READERS, scope: 'orders:read' } as const;
const WRITING = { customer: true, scope: 'orders:write' } as const;
const EVERYONE = { customer: true, staff: STAFF_ROLES, scope: 'markets:read' } as const;

const byId = z.object({ id: idInput });
const bySymbol = z.object({ symbol: symbolInput });
const FillPage = pageOf(Fill).openapi('FillPage');

const orderEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'placeOrder',
    method: 'post',
    path: '/v1/orders',
    tag: 'trading',
    summary: 'Place an order',
    description:
      'Answers when the order is durable, before it is matched: read the order again, or its events, for what became of it. An order that a rule refuses is stored as `rejected` with its reason and answered 201 as well. The first rule that refuses gives the reason, in the order of the RejectionReason schema. A clientOrderId that the account used before answers that order again if the request is the same.',
    access: WRITING,
    rate: 'orders',
    category: 'trading',
    idempotency: 'verb',
    body: NewOrder,
    example: {
      accountId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001',
      symbol: 'BTC/USD',
      side: 'buy',
      type: 'limit',
      timeInForce: 'gtc',
      quantity: '0.01',
      limitPrice: '60000',
    },
    responses: { 201: Order },
    problems: {
      ...pickProblems(TRADING_PROBLEMS, 'unknown_symbol', 'client_order_id_reused'),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    },
    handler: async (ctx, { body }) => {
      const { order, replayed } = await placeOrder(ctx, {
        accountId: body.accountId,
        symbol: body.symbol,
        side: body.side,
        type: body.type,
        timeInForce: body.timeInForce ?? (body.type === 'market' ? 'ioc' : 'gtc'),
        quantity: body.quantity ?? null,
        notional: body.notional ?? null,
        limitPrice: body.limitPrice ?? null,
        postOnly: body.postOnly,
        clientOrderId: body.clientOrderId ?? null,
      });
      return {
        status: 201,
        body: viewOf(order),
        ...(replayed ? { headers: { 'idempotent-replayed': 'true' } } : {}),
      };
    },
  }),
  endpoint({
    operationId: 'listOrders',
    method: 'get',
    path: '/v1/orders',
    tag: 'trading',
    summary: 'Orders, newest first',
    access: READING,
    query: OrderQuery,
    responses: { 200: pageOf(Order).openapi('OrderPage') },
    handler: async (ctx, { query }) => ({ status: 200, body: await listOrders(ctx, query) }),
  }),
  endpoint({
    operationId: 'cancelOrders',
    method: 'delete',
    path: '/v1/orders',
    tag: 'trading',
    summary: 'Cancel every open order of an account',
    access: WRITING,
    rate: 'orders',
    category: 'trading',
    query: z.strictObject({ accountId: idInput }),
    responses: { 200: OrderList },
    problems: pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    handler: async (ctx, { query }) => ({
      status: 200,
      body: { data: (await cancelOrders(ctx, query.accountId)).map(viewOf) },
    }),
  }),
  endpoint({
    operationId: 'getOrderByClientId',
    method: 'get',
    path: '/v1/orders/by-client-id/{clientOrderId}',
    tag: 'trading',
    summary: 'One order by the name its client gave it',
    access: READING,
    params: z.object({ clientOrderId: clientOrderIdInput }),
    query: z.strictObject({ accountId: idInput.optional() }),
    responses: { 200: Order },
    handler: async (ctx, { params, query }) => ({
      status: 200,
      body: await getOrderByClientId(ctx, params.clientOrderId, query.accountId),
    }),
  }),
  endpoint({
    operationId: 'getOrder',
    method: 'get',
    path: '/v1/orders/{id}',
    tag: 'trading',
    summary: 'One order',
    access: READING,
    params: byId,
    responses: { 200: Order },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getOrder(ctx, id) }),
  }),
  endpoint({
    operationId: 'cancelOrder',
    method: 'delete',
    path: '/v1/orders/{id}',
    tag: 'trading',
    summary: 'Cancel an order',
    description:
      'The request is durable when this answers, and usually carried out. What traded before the engine took the order out has traded.',
    access: WRITING,
    rate: 'orders',
    category: 'trading',
    params: byId,
    responses: { 200: Order },
    problems: pickProblems(TRADING_PROBLEMS, 'order_not_open'),
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: viewOf(await cancelOrder(ctx, id)) }),
  }),
  endpoint({
    operationId: 'listOrderEvents',
    method: 'get',
    path: '/v1/orders/{id}/events',
    tag: 'trading',
    summary: 'What happened to an order, oldest first',
    access: READING,
    params: byId,
    responses: { 200: OrderEventList },
    handler: async (ctx, { params: { id } }) => ({
      status: 200,
      body: { data: await listOrderEvents(ctx, id) },
    }),
  }),
];

const tradeEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'listFills',
    method: 'get',
    path: '/v1/fills',
    tag: 'trading',
    summary: 'Executions of orders, newest first',
    access: READING,
    query: FillQuery,
    responses: { 200: FillPage },
    handler: async (ctx, { query }) => ({ status: 200, body: await listFills(ctx, query) }),
  }),
  endpoint({
    operationId: 'listAccountTrades',
    method: 'get',
    path: '/v1/accounts/{id}/trades',
    tag: 'trading',
    summary: 'Executions of an account, newest first',
    access: READING,
    params: byId,
    query: z.strictObject(pageQuery),
    responses: { 200: FillPage },
    handler: async (ctx, { params: { id }, query }) => ({
      status: 200,
      body: await listAccountTrades(ctx, { ...query, accountId: id }),
    }),
  }),
  endpoint({
    operationId: 'getOrderBook',
    method: 'get',
    path: '/v1/instruments/{symbol}/book',
    tag: 'trading',
    summary: 'The order book of an instrument, best prices first',
    access: EVERYONE,
    params: bySymbol,
    query: BookQuery,
    responses: { 200: OrderBook },
    handler: async (ctx, { params: { symbol }, query }) => ({
      status: 200,
      body: await getOrderBook(ctx, symbol, query.levels),
    }),
  }),
  endpoint({
    operationId: 'listTrades',
    method: 'get',
    path: '/v1/instruments/{symbol}/trades',
    tag: 'trading',
    summary: 'Trades of an instrument, newest first, without their parties',
    access: EVERYONE,
    params: bySymbol,
    query: z.strictObject(pageQuery),
    responses: { 200: pageOf(Trade).openapi('TradePage') },
    handler: async (ctx, { params: { symbol }, query }) => ({
      status: 200,
      body: await listTrades(ctx, { ...query, symbol }),
    }),
  }),
];

export const tradingEndpoints: readonly Endpoint[] = [...orderEndpoints, ...tradeEndpoints];
