/** Sign-ins are costly on purpose; what is proved here is that they are costly for themselves alone. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { availableParallelism } from 'node:os';
import { type IdentityDesk, PASSWORD, type Person, startIdentityDesk } from '../../testing/identity-desk.ts';
import { identityDomain } from './index.ts';
import { verifyPassword } from './passwords.ts';

let desk: IdentityDesk;
let person: Person;
let token: string;

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
  person = await desk.newPerson();
  token = await desk.tokenOf(person, true);
});
afterAll(() => desk.close());

test('a hundred sign-ins at once let other requests through while most of them still wait', async () => {
  let answered = 0;
  let first: () => void = () => {};
  const begun = new Promise<void>((resolve) => {
    first = resolve;
  });
  const logins = Array.from({ length: 100 }, async (_, index) => {
    // Half of them guess at addresses nobody has: they hash as well.
    const email = index % 2 === 0 ? person.email : `nobody-${index}@example.mu`;
    const body = { email, password: index % 2 === 0 ? PASSWORD : 'nine loud otters in the river' };
    const { status } = await desk.request('POST', '/v1/auth/login', { body });
    answered += 1;
    first();
    return status;
  });
  await begun;
  for (let request = 0; request < 10; request += 1) {
    // Each reads the database, and so needs many turns of the loop that hashing would hold up.
    expect((await desk.request('GET', '/v1/me', { token })).status).toBe(200);
  }
  expect(answered).toBeLessThan(50);
  const statuses = await Promise.all(logins);
  expect(statuses.filter((status) => status === 200)).toHaveLength(50);
  expect(statuses.filter((status) => status === 401)).toHaveLength(50);
}, 60_000);

test('whatever a stranger may send is counted as signing in or recovery, never as an ordinary write', () => {
  const open = identityDomain.endpoints.filter(
    (operation) => 'public' in operation.access && operation.method !== 'get',
  );
  expect(open.length).toBeGreaterThan(8);
  for (const operation of open) {
    expect([operation.operationId, operation.rate]).toEqual([
      operation.operationId,
      expect.stringMatching(/^(sign_in|recovery)$/),
    ]);
  }
});

test('what waits for hashing is bounded: beyond it the server is busy, and nothing is lost or stuck', async () => {
  expect(await verifyPassword(undefined, PASSWORD)).toBe(false);
  const count = 540 + 2 * availableParallelism();
  const results = await Promise.allSettled(
    Array.from({ length: count }, () => verifyPassword(undefined, PASSWORD)),
  );
  const refused = results.filter((result) => result.status === 'rejected').map((result) => result.reason);
  expect(refused.length).toBeGreaterThan(0);
  for (const reason of refused) {
    expect(reason).toMatchObject({ code: 'busy', extras: { headers: { 'retry-after': '2' } } });
  }
  // Five hundred wait, and hashing leaves a processor to everyone else wherever there are two.
  expect(count - refused.length).toBe(500 + Math.max(1, availableParallelism() - 1));
  expect(await verifyPassword(undefined, PASSWORD)).toBe(false);
}, 60_000);
