import { describe, expect, test } from 'bun:test';
import { type Actor, ROLES, type Role, STAFF_ROLES } from '../../kernel/actor.ts';
import { DomainError } from '../../kernel/error.ts';
import type { Mode } from '../context.ts';
import { authorise, STEP_UP_MS } from './authorise.ts';
import type { Access } from './endpoint.ts';

const NOW = 1_000_000_000;
const person = { userId: 'u', sessionId: 's' };

function customer(mfaAtMs: number | null = null): Actor {
  return { kind: 'customer', ...person, roles: ['customer'], mfaAtMs };
}

function staff(role: Role, mfaAtMs: number | null = NOW): Actor {
  return { kind: 'staff', ...person, roles: [role], mfaAtMs };
}

function key(roles: readonly Role[], ...scopes: string[]): Actor {
  return { kind: 'apiKey', userId: 'u', keyId: 'k', roles, scopes, service: false };
}

function serviceKey(roles: readonly Role[], ...scopes: string[]): Actor {
  return { kind: 'apiKey', userId: 'u', keyId: 'k', roles, scopes, service: true };
}

function decide(access: Access, actor: Actor, mode: Mode = 'production'): string {
  try {
    return authorise(access, actor, NOW, mode).login;
  } catch (error) {
    expect(error).toBeInstanceOf(DomainError);
    return (error as DomainError).code;
  }
}

const OWN: Access = { customer: true, scope: 'orders:read' };
const BOTH: Access = { customer: true, staff: ['operations'], scope: 'deposits:read' };
const DESK: Access = { staff: ['operations', 'admin'], scope: 'desk' };
const SELF: Access = { self: true };
const STEP: Access = { customer: true, staff: ['operations'], stepUp: true, scope: 'x' };

const PAYOUT: Access = { staff: ['operations'], stepUp: true, scope: 'payouts' };
const DECISION: Access = { staff: ['operations'], stepUp: true };

const TABLE: readonly [string, Access, Actor, string][] = [
  // who                        what   actor                               answer
  ['a stranger', { public: true }, { kind: 'anonymous' }, 'engine'],
  ['a customer', { public: true }, customer(), 'engine'],
  ['a stranger', OWN, { kind: 'anonymous' }, 'credential_missing'],
  ['a customer', OWN, customer(), 'app'],
  ['a market maker', OWN, { ...customer(), roles: ['market_maker'] } as Actor, 'app'],
  ['staff of the role', BOTH, staff('operations'), 'staff'],
  ['a customer', BOTH, customer(), 'app'],
  ['staff of another role', BOTH, staff('support'), 'forbidden'],
  ['staff', OWN, staff('admin'), 'forbidden'],
  ['a customer', DESK, customer(NOW), 'forbidden'],
  ['staff of the role', DESK, staff('admin'), 'staff'],
  ['staff of the role without a second factor', DESK, staff('admin', null), 'second_factor_required'],
  ['staff of another role without a second factor', DESK, staff('support', null), 'forbidden'],
  ['staff for themselves', SELF, staff('auditor', null), 'app'],
  ['a customer for themselves', SELF, customer(), 'app'],
  ['a customer whose factor is fresh', STEP, customer(NOW - STEP_UP_MS), 'app'],
  ['a customer whose factor is stale', STEP, customer(NOW - STEP_UP_MS - 1), 'step_up_required'],
  ['a customer without a factor', STEP, customer(), 'step_up_required'],
  ['staff whose factor is stale', STEP, staff('operations', NOW - STEP_UP_MS - 1), 'step_up_required'],
  ['staff without a factor', STEP, staff('operations', null), 'second_factor_required'],
  ['a key that could do it otherwise', STEP, key(['customer'], 'x'), 'step_up_required'],
  ['a key with the scope', OWN, key(['customer'], 'orders:read'), 'app'],
  ['a key with other scopes', OWN, key(['customer'], 'orders:write', 'orders'), 'scope_missing'],
  ['a key without scopes', OWN, key(['customer']), 'scope_missing'],
  ['a key where no scope is declared', SELF, key(['customer'], '*'), 'scope_missing'],
  ['a service key with role and scope', DESK, serviceKey(['operations'], 'desk'), 'staff'],
  ['a service key without the role', DESK, serviceKey(['support'], 'desk'), 'forbidden'],
  ['a service key without the scope', DESK, serviceKey(['operations'], 'other'), 'scope_missing'],
  ['a service key with every scope', DESK, serviceKey(['operations'], '*'), 'scope_missing'],
  ['a plain key of staff', DESK, key(['operations'], 'desk'), 'forbidden'],
  ['a plain key of staff, as if a customer', BOTH, key(['operations'], 'deposits:read'), 'forbidden'],
  [
    'a plain key of a customer who joined the firm',
    OWN,
    key(['customer', 'support'], 'orders:read'),
    'forbidden',
  ],
  ['a service key with role and scope', PAYOUT, serviceKey(['operations'], 'payouts'), 'staff'],
  ['a service key without the role', PAYOUT, serviceKey(['admin'], 'payouts'), 'forbidden'],
  ['a service key without the scope', PAYOUT, serviceKey(['operations'], 'desk', '*'), 'step_up_required'],
  ['a plain key with role and scope', PAYOUT, key(['operations'], 'payouts'), 'step_up_required'],
  ['a service key', DECISION, serviceKey(['operations'], 'payouts', 'desk', '*'), 'step_up_required'],
  ['a customer key with a staff scope', DESK, key(['customer'], 'desk'), 'forbidden'],
  ['a test key in production', OWN, key(['customer'], '*'), 'scope_missing'],
];

describe('the declaration decides', () => {
  test.each(TABLE)('%s at %j', (_who, access, actor, answer) => {
    expect(decide(access, actor)).toBe(answer);
  });

  test('a test key with every scope counts in the sandbox only', () => {
    expect(decide(OWN, key(['customer'], '*'), 'sandbox')).toBe('app');
    expect(decide(SELF, key(['customer'], '*'), 'sandbox')).toBe('scope_missing');
    expect(decide(STEP, key(['customer'], '*'), 'sandbox')).toBe('step_up_required');
    expect(decide(PAYOUT, key(['operations'], '*'), 'sandbox')).toBe('step_up_required');
    expect(decide(PAYOUT, serviceKey(['operations'], '*'), 'sandbox')).toBe('step_up_required');
    expect(decide(DESK, key(['operations'], '*'), 'sandbox')).toBe('staff');
  });

  test('a key that lacks a scope is told which', () => {
    const refusalOf = (access: Access) => {
      try {
        authorise(access, key(['customer'], 'orders:write'), NOW, 'production');
      } catch (error) {
        return (error as DomainError).extras;
      }
      return undefined;
    };
    expect(refusalOf(OWN)).toEqual({
      detail: 'The API key lacks the scope orders:read.',
      headers: { 'www-authenticate': 'Bearer error="insufficient_scope", scope="orders:read"' },
    });
    expect(refusalOf(SELF)).toEqual({ detail: 'No scope lets an API key do this; sign in instead.' });
  });

  test('no role that the declaration does not name acts as staff, alone or with others', () => {
    for (const named of STAFF_ROLES) {
      for (const held of ROLES) {
        const actor = { kind: 'staff', ...person, roles: ['customer', held], mfaAtMs: NOW } as Actor;
        expect(decide({ staff: [named] }, actor)).toBe(held === named ? 'staff' : 'forbidden');
      }
    }
  });

  test('a declaration that admits nobody admits nobody', () => {
    for (const role of ROLES) {
      expect(decide({}, staff(role))).toBe('forbidden');
    }
  });
});
