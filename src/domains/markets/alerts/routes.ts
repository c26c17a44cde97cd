import { z } from '@hono/zod-openapi';
import { pageOf, pageQuery } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { symbolInput } from '../api.ts';
import { MARKETS_PROBLEMS } from '../errors.ts';
import { NewPriceAlert, PriceAlert, PriceAlertChange } from './api.ts';
import { changePriceAlert, deletePriceAlert } from './change-price-alert.ts';
import { createPriceAlert } from './create-price-alert.ts';
import { PRICE_ALERT_PROBLEMS } from './problems.ts';
import { getPriceAlert, listPriceAlerts } from './store.ts';

const READING = { customer: true, scope: 'markets:read' } as const;
const WRITING = { customer: true, scope: 'markets:write' } as const;
const params = z.object({ id: idInput });

export const priceAlertEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'listPriceAlerts',
    method: 'get',
    path: '/v1/price-alerts',
    tag: 'markets',
    summary: 'The caller’s price alerts, oldest first',
    access: READING,
    query: z.strictObject({
      ...pageQuery,
      symbol: symbolInput.optional(),
      active: z
        .enum(['true', 'false'])
        .transform((text) => text === 'true')
        .optional()
        .openapi({ type: 'string', enum: ['true', 'false'] }),
    }),
    responses: { 200: pageOf(PriceAlert).openapi('PriceAlertPage') },
    handler: async (ctx, { query }) => ({ status: 200, body: await listPriceAlerts(ctx, query) }),
  }),
  endpoint({
    operationId: 'createPriceAlert',
    method: 'post',
    path: '/v1/price-alerts',
    tag: 'markets',
    summary: 'Ask to be told of a price',
    description:
      'Told once, or with `repeat` each time the condition begins to hold: after it was told, an alert waits until the cooldown is over and the condition was seen not to hold. It is told by the event `markets.price_alert_triggered`, in `GET /v1/events`. A person has up to 200.',
    access: WRITING,
    category: 'system',
    body: NewPriceAlert,
    example: {
      symbol: 'BTC/USD',
      condition: { kind: 'price_above', price: '70000' },
      message: 'Look at the chart',
      repeat: true,
      cooldownSeconds: 3600,
    },
    responses: { 201: PriceAlert },
    problems: {
      ...pickProblems(
        PRICE_ALERT_PROBLEMS,
        'price_alert_expired',
        'price_alert_cooldown_too_short',
        'price_alert_limit_reached',
      ),
      ...pickProblems(MARKETS_PROBLEMS, 'unknown_symbol'),
    },
    handler: async (ctx, { body }) => ({ status: 201, body: await createPriceAlert(ctx, body) }),
  }),
  endpoint({
    operationId: 'getPriceAlert',
    method: 'get',
    path: '/v1/price-alerts/{id}',
    tag: 'markets',
    summary: 'One price alert',
    access: READING,
    params,
    responses: { 200: PriceAlert },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getPriceAlert(ctx, id) }),
  }),
  endpoint({
    operationId: 'changePriceAlert',
    method: 'patch',
    path: '/v1/price-alerts/{id}',
    tag: 'markets',
    summary: 'Change a price alert, silence it, or make it wait again',
    access: WRITING,
    category: 'system',
    ifMatch: true,
    params,
    body: PriceAlertChange,
    example: { active: true, cooldownSeconds: 600 },
    responses: { 200: PriceAlert },
    problems: pickProblems(
      PRICE_ALERT_PROBLEMS,
      'price_alert_kind_fixed',
      'price_alert_expired',
      'price_alert_cooldown_too_short',
    ),
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: await changePriceAlert(ctx, id, body),
    }),
  }),
  endpoint({
    operationId: 'deletePriceAlert',
    method: 'delete',
    path: '/v1/price-alerts/{id}',
    tag: 'markets',
    summary: 'Delete a price alert',
    access: WRITING,
    category: 'system',
    params,
    responses: { 204: null },
    handler: async (ctx, { params: { id } }) => {
      await deletePriceAlert(ctx, id);
      return { status: 204 };
    },
  }),
];
