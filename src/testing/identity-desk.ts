/**
 * What tests of people and accounts start from: the identity and accounts domains over HTTP on a
 * database of their own, people of any role, and sign-ins with and without a second factor.
 */
import { and, eq } from 'drizzle-orm';
import { Secret, TOTP } from 'otpauth';
import { createApp } from '../app.ts';
import { accountsDomain } from '../domains/accounts/index.ts';
import { authenticate, createUser, identityDomain } from '../domains/identity/index.ts';
import { openSession, tokensOf } from '../domains/identity/open-session.ts';
import { agreements } from '../domains/identity/schema.ts';
import { reconcile } from '../domains/ledger/index.ts';
import { reportsDomain } from '../domains/reports/index.ts';
import { type Actor, isStaffRole, type Role } from '../kernel/actor.ts';
import { type Id, newId } from '../kernel/id.ts';
import { approvalEndpoints } from '../platform/approvals/endpoints.ts';
import { auditLogs } from '../platform/db/schema.ts';
import { transact } from '../platform/db/transact.ts';
import { type Foundation, startFoundation } from './foundation.ts';
import { type Answer, type RequestOptions, send } from './send.ts';

export const PASSWORD = 'seven quiet otters in the reeds';

export type Person = {
  readonly userId: Id;
  readonly email: string;
  readonly totpSecret: string;
  readonly roles: readonly Role[];
  readonly actor: Actor;
};

export type IdentityDesk = Foundation & {
  readonly request: (method: string, path: string, options?: RequestOptions) => Promise<Answer>;
  readonly newPerson: (...roles: Role[]) => Promise<Person>;
  /** An access token, with a second factor checked now unless told otherwise. */
  readonly tokenOf: (person: Person, secondFactor?: boolean) => Promise<string>;
  readonly newToken: (...roles: Role[]) => Promise<string>;
  readonly publishAgreement: () => Promise<Id>;
  readonly auditOf: (subject: Id, eventType: string) => Promise<(typeof auditLogs.$inferSelect)[]>;
  /** What reconcile finds, by check; a test file ends with none. */
  readonly breaks: () => Promise<readonly string[]>;
};

export async function startIdentityDesk(file: string): Promise<IdentityDesk> {
  const domains = [identityDomain, accountsDomain];
  const foundation = await startFoundation(file, domains);
  const app = createApp(foundation.deps, {
    // One account is read together with what it has behind its positions.
    domains: [...domains, reportsDomain],
    platformEndpoints: approvalEndpoints,
    authenticate,
    clientAddress: (_peer, forwardedFor) => forwardedFor ?? '127.0.0.1',
  });
  const tokenOf = (person: Person, secondFactor = true) => openToken(foundation, person, secondFactor);
  return {
    ...foundation,
    request: (method, path, options = {}) => send(app, method, path, options),
    newPerson: (...roles) => newPerson(foundation, roles),
    tokenOf,
    newToken: async (...roles) => tokenOf(await newPerson(foundation, roles)),
    publishAgreement: async () => {
      const id = newId();
      const publishedAt = foundation.deps.clock.now();
      const terms = { kind: `terms ${id}`, revision: 1, title: 'Terms', body: 'Be fair.' };
      await foundation.deps.db.engine.insert(agreements).values({ id, ...terms, publishedAt });
      return id;
    },
    auditOf: (subject, eventType) =>
      foundation.deps.db.engine
        .select()
        .from(auditLogs)
        .where(and(eq(auditLogs.subjectUserId, subject), eq(auditLogs.eventType, eventType))),
    breaks: async () => {
      const checks = domains.flatMap((domain) => domain.checks);
      const report = await reconcile(foundation.system, checks);
      return report.checks.flatMap((check) =>
        check.breaks.map((found) => `${check.name}: ${found.object} ${found.detail}`),
      );
    },
  };
}

/** The code an authenticator app shows, `steps` of thirty seconds from now. */
export function codeOf(secret: string, steps = 0): string {
  const totp = new TOTP({ secret: Secret.fromBase32(secret) });
  return totp.generate({ timestamp: Date.now() + steps * 30_000 });
}

async function newPerson({ system, deps }: Foundation, given: readonly Role[]): Promise<Person> {
  const roles: readonly Role[] = given.length === 0 ? ['customer'] : given;
  const email = `person-${newId()}@example.mu`;
  const totpSecret = new Secret({ size: 20 }).base32;
  const user = await createUser(system, {
    email,
    password: PASSWORD,
    firstName: 'Anjali',
    lastName: 'Ramgoolam',
    birthDate: '1990-04-01',
    nationality: 'MUS',
    roles,
    emailVerified: true,
    totpSecret,
  });
  const kind = roles.some(isStaffRole) ? 'staff' : 'customer';
  const actor: Actor = {
    kind,
    userId: user.id,
    roles,
    sessionId: newId(),
    mfaAtMs: deps.clock.realMs(),
  };
  return { userId: user.id, email, totpSecret, roles, actor };
}

async function openToken(
  { system, deps }: Foundation,
  person: Person,
  secondFactor: boolean,
): Promise<string> {
  const session = await transact(system, 'engine', (tx) =>
    openSession(tx, system, person.userId, {
      methods: secondFactor ? ['pwd', 'otp'] : ['pwd'],
      secondFactor,
    }),
  );
  return (await tokensOf(deps, session, person.roles)).accessToken;
}
