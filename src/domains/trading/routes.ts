import { z } from '@hono/zod-openapi';
import { type Role, STAFF_ROLES } from '../../kernel/actor.ts';
import { pageOf, pageQuery } from '../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems, type Reply } from '../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import { idInput } from '../../platform/http/wire.ts';
import { IDENTITY_PROBLEMS } from '../identity/index.ts';
import { symbolInput } from '../markets/index.ts';
import {
  BookQuery,
  CancelledOrders,
  CancelQuery,
  clientOrderIdInput,
  Fill,
  FillQuery,
  FirmCancel,
  NewOrder,
  NewOrderBatch,
  Order,
  OrderBatch,
  OrderBook,
  OrderEvent,
  OrderQuery,
  OrderReplacement,
  Trade,
} from './api.ts';
import { type Cancelled, cancelAccountOrders, cancelOrder, cancelOrders } from './cancel-order.ts';
import { TRADING_PROBLEMS } from './errors.ts';
import { boundOrderOf } from './instruction-of.ts';
import type { Placed } from './pipeline/ticket.ts';
import { placeOrder } from './place-order.ts';
import { type MemberResult, placeOrders } from './place-orders.ts';
import { replaceOrder } from './replace-order.ts';
import {
  getOrder,
  getOrderBook,
  getOrderByClientId,
  listAccountTrades,
  listFills,
  listOrderEvents,
  listOrders,
  listTrades,
  placedView,
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
      ...pickProblems(TRADING_PROBLEMS, 'order_group_invalid', 'unknown_symbol', 'client_order_id_reused'),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    },
    handler: async (ctx, { body }) => placedReply(await placeOrder(ctx, boundOrderOf(body))),
  }),
  endpoint({
    operationId: 'placeOrders',
    method: 'post',
    path: '/v1/orders/batch',
    tag: 'trading',
    summary: 'Place up to 100 orders of an account',
    description:
      'Each order is decided on its own, in the order given, and answered in its place: an order, accepted or `rejected` by a rule, or the problem that it alone would have been answered with (`validation_failed`, `not_found`, `unknown_symbol`, `client_order_id_reused`, `order_group_invalid`); then nothing is stored of it, and the others are placed all the same. The answer is 201 whatever became of them. A retry with the same key answers the stored orders as they were first answered, and decides again only what stored nothing. While it is open what became of a member (the database went away, a failure of the server), the whole batch is answered with 503, 409 `conflict` or 500, though others may have been placed: send it again with its key.',
    access: WRITING,
    rate: 'order_batches',
    category: 'trading',
    idempotency: 'verb',
    body: NewOrderBatch,
    example: {
      orders: [
        {
          accountId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001',
          symbol: 'BTC/USD',
          side: 'buy',
          type: 'limit',
          quantity: '0.01',
          limitPrice: '60000',
        },
      ],
    },
    responses: { 201: OrderBatch },
    handler: async (ctx, { body }) => batchReply(await placeOrders(ctx, body.orders)),
  }),
  endpoint({
    operationId: 'replaceOrder',
    method: 'post',
    path: '/v1/orders/{id}/replace',
    tag: 'trading',
    summary: 'Put a new order in the place of an open one',
    description:
      'Says what is to be different; side, symbol and all else are taken over. The new order is answered and names the old one in `replacesId`; it is last in line at its price. What the old one reserved is there for it. If a rule refuses it, it is stored as `rejected` and the old order stays as it was. What the old one traded stays traded: the quantity is that of the new order alone. An exit, or one of a pair, is replaced within its group, in one step: the other one and the bond stay, and so does the quantity (`order_group_invalid`); what the others trade until the new order has entered the book is taken off it. Of an exit only prices and the client order id change. Not replaced (`order_in_group`) are an entry with exits, one of a group that was triggered, and a group that has had a thousand orders.',
    access: WRITING,
    rate: 'orders',
    category: 'trading',
    idempotency: 'verb',
    params: byId,
    body: OrderReplacement,
    example: { limitPrice: '59500', quantity: '0.01', filledQuantity: '0' },
    responses: { 201: Order },
    problems: {
      ...pickProblems(
        TRADING_PROBLEMS,
        'order_not_replaceable',
        'order_in_group',
        'order_group_invalid',
        'client_order_id_reused',
        'order_not_open',
        'order_changed',
      ),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    },
    handler: async (ctx, { params: { id }, body }) => placedReply(await replaceOrder(ctx, id, body)),
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
    summary: 'Cancel the open orders of an account',
    description:
      'All of them, or those of one symbol or side, at most a thousand in one request, the oldest first. The requests are durable when this answers, and usually carried out.',
    access: WRITING,
    rate: 'orders',
    category: 'trading',
    query: CancelQuery,
    responses: { 200: CancelledOrders },
    problems: pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    handler: async (ctx, { query }) => ({
      status: 200,
      body: cancelledOf(await cancelOrders(ctx, query)),
    }),
  }),
  endpoint({
    operationId: 'cancelAccountOrders',
    method: 'post',
    path: '/v1/accounts/{id}/cancel-orders',
    tag: 'trading',
    summary: 'Takes the open orders of a customer out of the books',
    description:
      'For the firm, with a reason, at most a thousand in one request. New orders may follow: to keep them out, freeze the account as well.',
    access: { staff: ['risk_manager'] },
    rate: 'orders',
    category: 'admin_action',
    params: byId,
    body: FirmCancel,
    example: { reason: 'Orders far beyond what the customer ever traded', symbol: 'BTC/USD' },
    responses: { 200: CancelledOrders },
    problems: {
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action'),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    },
    handler: async (ctx, { params: { id }, body: { reason, ...filter } }) => ({
      status: 200,
      body: cancelledOf(await cancelAccountOrders(ctx, { accountId: id, ...filter }, reason)),
    }),
  }),
  endpoint({
    operationId: 'getOrderByClientId',
    method: 'get',
    path: '/v1/orders/by-client-id/{clientOrderId}',
    tag: 'trading',
    summary: 'One order by the name its client gave it',
    description:
      'A name is one of an account: where several of your accounts have an order of it, `accountId` says which you mean. Without it the newest is answered.',
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
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await cancelOrder(ctx, id) }),
  }),
  endpoint({
    operationId: 'listOrderEvents',
    method: 'get',
    path: '/v1/orders/{id}/events',
    tag: 'trading',
    summary: 'What happened to an order, oldest first',
    access: READING,
    params: byId,
    query: z.strictObject(pageQuery),
    responses: { 200: pageOf(OrderEvent).openapi('OrderEventPage') },
    handler: async (ctx, { params: { id }, query }) => ({
      status: 200,
      body: await listOrderEvents(ctx, id, query),
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

const REPLAYED = { 'idempotent-replayed': 'true' };

function placedReply({ order, bound, replayed }: Placed): Reply {
  return { status: 201, body: placedView(order, bound), ...(replayed ? { headers: REPLAYED } : {}) };
}

function batchReply(results: readonly MemberResult[]): Reply {
  const placed = results.filter((result) => 'placed' in result);
  const replayed = placed.length > 0 && placed.every((result) => result.placed.replayed);
  return {
    status: 201,
    body: { data: results.map(memberOf) },
    ...(replayed ? { headers: REPLAYED } : {}),
  };
}

function memberOf(result: MemberResult, index: number) {
  if ('placed' in result) {
    const { order, bound } = result.placed;
    return { index, status: 201, order: placedView(order, bound), problem: null };
  }
  const { code, definition, extras } = result.refusal;
  const detail = extras.detail ?? definition.title;
  const problem = { code, title: definition.title, detail, errors: extras.errors };
  return { index, status: definition.status, order: null, problem };
}

function cancelledOf({ orders, more }: Cancelled) {
  return { requested: orders.length, more, data: orders };
}
