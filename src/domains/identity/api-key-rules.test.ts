import { expect, test } from 'bun:test';
import type { Role } from '../../kernel/actor.ts';
import { addMs, type Instant, parseInstant } from '../../kernel/time.ts';
import type { Mode } from '../../platform/context.ts';
import type { ApiScope } from './api-key-format.ts';
import { endOfOverlap, judgeKey } from './api-key-rules.ts';

const NOW = parseInstant('2026-01-31T09:30:00Z');
const LATER = addMs(NOW, 86_400_000);
const NETWORK = ['203.0.113.0/24'];

type Row = readonly [
  roles: readonly Role[],
  scopes: readonly ApiScope[],
  cidrs: readonly string[],
  expiresAt: Instant | null,
  mode: Mode,
  answer: string,
];

const CUSTOMER: readonly Role[] = ['customer'];
const CLERK: readonly Role[] = ['operations'];

test.each<Row>([
  // owner                   scopes                            networks       until  mode          answer
  [CUSTOMER, ['orders:write'], [], null, 'production', 'plain'],
  [['market_maker'], ['orders:write'], [], LATER, 'production', 'plain'],
  [CUSTOMER, ['orders:write'], [], NOW, 'production', 'key_expired_already'],
  [CUSTOMER, ['payouts:write'], NETWORK, LATER, 'production', 'scope_not_allowed'],
  [CUSTOMER, ['orders:read', 'audit:read'], NETWORK, LATER, 'production', 'scope_not_allowed'],
  [CLERK, ['funding:read'], NETWORK, LATER, 'production', 'service'],
  [CLERK, ['payouts:write'], NETWORK, LATER, 'production', 'service'],
  [CLERK, ['orders:write'], NETWORK, LATER, 'production', 'scope_not_allowed'],
  [['customer', 'support'], ['orders:write'], NETWORK, LATER, 'production', 'scope_not_allowed'],
  [['customer', 'support'], ['orders:read'], NETWORK, LATER, 'production', 'service'],
  [CLERK, ['funding:read'], NETWORK, null, 'production', 'service_key_expiry_required'],
  [CLERK, ['funding:read'], NETWORK, addMs(NOW, 366 * 86_400_000), 'production', 'service'],
  [
    CLERK,
    ['funding:read'],
    NETWORK,
    addMs(NOW, 366 * 86_400_000 + 1),
    'production',
    'service_key_expiry_required',
  ],
  [CLERK, ['funding:read'], NETWORK, NOW, 'production', 'key_expired_already'],
  [CLERK, ['funding:read'], [], LATER, 'production', 'service_key_networks_required'],
  [
    CLERK,
    ['funding:read'],
    ['0.0.0.0/1', '128.0.0.0/1'],
    LATER,
    'production',
    'service_key_networks_required',
  ],
  [CLERK, ['funding:read'], [...NETWORK, '::/0'], LATER, 'production', 'service_key_networks_required'],
  [CLERK, ['funding:read'], [], LATER, 'sandbox', 'service'],
  [CLERK, ['funding:read'], [], null, 'sandbox', 'service_key_expiry_required'],
])(
  'a key of %j for %j from %j until %s in %s: %s',
  (ownerRoles, scopes, allowedCidrs, expiresAt, mode, answer) => {
    const judged = judgeKey({ ownerRoles, scopes, allowedCidrs, expiresAt, now: NOW, mode });
    expect('refused' in judged ? judged.refused : judged.service ? 'service' : 'plain').toBe(answer);
  },
);

test('a replaced key ends after the overlap, and never later than it would have', () => {
  expect(endOfOverlap(null, NOW, 60)).toBe(addMs(NOW, 60_000));
  expect(endOfOverlap(LATER, NOW, 60)).toBe(addMs(NOW, 60_000));
  expect(endOfOverlap(LATER, NOW, 7 * 86_400)).toBe(LATER);
  expect(endOfOverlap(null, NOW, 0)).toBe(NOW);
});
