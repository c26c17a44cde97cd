import { randomBytes } from 'node:crypto';
import { apiFor, codeOf, ok, refused, signIn, until } from './client.ts';
import type { DemoName } from './credentials.ts';
import type { Journey, Step } from './journey.ts';

export const CUSTOMER = { firstName: 'Thandiwe', lastName: 'Valère' };

/** A person of the demo firm, signed in once per journey. */
export async function person(journey: Journey, name: DemoName) {
  const known = journey.people.get(name);
  if (known !== undefined) {
    return known;
  }
  const api = await signIn(journey.url, journey.credentials[name], journey.nowMs);
  journey.people.set(name, api);
  return api;
}

export const identitySteps: readonly Step[] = [
  {
    title: 'A customer registers and confirms the e-mail address',
    run: async (journey) => {
      const api = apiFor(journey.url);
      const email = `journey-${journey.runId}@example.org`;
      const password = randomBytes(15).toString('base64url');
      const registered = await ok(api.POST('/v1/auth/register', { body: { email, password, ...CUSTOMER } }));
      const token = registered.sandbox?.emailToken ?? '';
      await api.POST('/v1/auth/email/verify', { body: { token } });
      const tokens = await ok(api.POST('/v1/auth/login', { body: { email, password } }));
      const signedIn = apiFor(journey.url, 'accessToken' in tokens ? tokens.accessToken : '');
      const me = await ok(signedIn.GET('/v1/me'));
      journey.customer = { api: signedIn, email, userId: me.id, accountId: '' };
      return email;
    },
  },
  {
    title: 'A wrong password is refused without telling why',
    run: async (journey) => {
      const body = { email: journey.customer.email, password: 'not the password at all' };
      await refused(apiFor(journey.url).POST('/v1/auth/login', { body }), 401, 'login_failed');
      return 'login_failed';
    },
  },
  {
    title: 'The customer enrols a second factor',
    run: async (journey) => {
      const { api } = journey.customer;
      const enrolment = await ok(api.POST('/v1/me/mfa/totp', {}));
      await api.POST('/v1/me/mfa/totp/confirm', {
        body: { totp: codeOf(enrolment.secret, journey.nowMs()) },
      });
      return 'one-time codes from now on';
    },
  },
  {
    title: 'The customer accepts the terms and opens a live account',
    run: async (journey) => {
      const { api } = journey.customer;
      const { data: agreements } = await ok(api.GET('/v1/agreements'));
      for (const agreement of agreements) {
        await api.POST('/v1/agreements/{id}/accept', { params: { path: { id: agreement.id } } });
      }
      const account = await ok(api.POST('/v1/accounts', { body: { type: 'live', baseCurrency: 'USD' } }));
      journey.customer.accountId = account.id;
      return `account ${account.id}`;
    },
  },
  {
    title: "Another customer's wallets do not exist for this one",
    run: async (journey) => {
      const id = journey.credentials.customer2.accountId ?? '';
      const path = { params: { path: { id } } };
      await refused(journey.customer.api.GET('/v1/accounts/{id}/wallets', path), 404, 'not_found');
      return 'not_found';
    },
  },
  {
    title: 'An order before KYC is rejected, and kept as such',
    run: async (journey) => {
      const order = await until('an order book', async () => {
        const placed = await ok(
          journey.customer.api.POST('/v1/orders', {
            params: { header: { 'Idempotency-Key': `journey-${journey.runId}-early` } },
            body: {
              accountId: journey.customer.accountId,
              symbol: 'BTC/USD',
              side: 'buy',
              type: 'market',
              timeInForce: 'ioc',
              quantity: '0.01',
            },
          }),
        );
        return placed;
      });
      if (order.status !== 'rejected' || order.rejectionReason !== 'kyc_not_approved') {
        throw new Error(`the order is ${order.status} (${order.rejectionReason})`);
      }
      return `rejected: ${order.rejectionReason}`;
    },
  },
];
