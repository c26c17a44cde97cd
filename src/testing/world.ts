/**
 * The whole product for the tests that go over every operation: a firm with its instruments, limits and
 * list, a person for every role, and customers with money, all made through verbs and HTTP.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Secret } from 'otpauth';
import { operationsOf } from '../app.ts';
import { insertReferenceRows } from '../demo/reference-rows.ts';
import { createAccount } from '../domains/accounts/index.ts';
import { createList, importList, screenUser, startScreener } from '../domains/aml/index.ts';
import { clearDeposit, createDeposit } from '../domains/funding/index.ts';
import { acceptAgreement, createUser, listAgreements } from '../domains/identity/index.ts';
import { openSession, type SignInMethod, tokensOf } from '../domains/identity/open-session.ts';
import { NEW_APPLICATION_EXAMPLE } from '../domains/kyc/api.ts';
import {
  createApplication,
  decideApplication,
  declare,
  submitApplication,
  uploadDocument,
} from '../domains/kyc/index.ts';
import { tradingEngine } from '../domains/trading/index.ts';
import { allDomains, platformEndpoints } from '../domains.ts';
import { isStaffRole, ROLES, type Role } from '../kernel/actor.ts';
import { parseAmount } from '../kernel/amount.ts';
import { present } from '../kernel/assert.ts';
import { type Id, newId } from '../kernel/id.ts';
import { decideApproval } from '../platform/approvals/decide-approval.ts';
import type { Ctx } from '../platform/context.ts';
import { transact } from '../platform/db/transact.ts';
import type { Endpoint } from '../platform/http/endpoint.ts';
import { endInOrder } from './ending.ts';
import { type Harness, startHarness } from './harness.ts';
import { pictureWith } from './picture.ts';
import type { Answer } from './send.ts';

export type Member = {
  readonly userId: Id;
  readonly email: string;
  readonly totpSecret: string;
  readonly roles: readonly Role[];
  /** An access token with a second factor checked now. */
  readonly token: string;
  readonly ctx: Ctx;
  /** A customer's live account; nobody's for others. */
  readonly accountId: Id;
};

/** What one call sends; an idempotency key is added where the operation needs one. */
export type OperationCall = {
  readonly as?: Member | undefined;
  readonly token?: string | undefined;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

export type NewMember = {
  readonly roles?: readonly Role[];
  readonly password?: string;
  readonly name?: readonly [string, string];
  readonly secondFactor?: boolean;
};

export type World = Harness & {
  readonly operations: readonly Endpoint[];
  readonly operation: (operationId: string) => Endpoint;
  readonly call: (operationId: string, call?: OperationCall) => Promise<Answer>;
  readonly newMember: (member?: NewMember) => Promise<Member>;
  /** Verified and screened, with a live account that holds the funds. */
  readonly newCustomer: (funds?: Readonly<Record<string, string>>, member?: NewMember) => Promise<Member>;
  /** A new session's access token. */
  readonly tokenOf: (member: Member, secondFactor: boolean) => Promise<string>;
  /** One person for each role, and a second one for those who decide. */
  readonly people: Readonly<Record<Role, Member>>;
  readonly second: Readonly<Record<Role, Member>>;
  readonly listId: Id;
};

/** The smallest PNG. */
export const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

export async function startWorld(file: string): Promise<World> {
  const harness = await startHarness(file);
  const { deps, system } = harness;
  await transact(system, 'engine', (tx) => insertReferenceRows(tx, { ...system, tx }));
  await startScreener(deps);
  const listId = await loadList(system);
  const engine = tradingEngine(deps);
  await engine.start();
  const operations = operationsOf({ domains: allDomains, platformEndpoints });
  const byId = new Map(operations.map((operation) => [operation.operationId, operation]));
  const operation = (operationId: string) => present(byId.get(operationId), `${operationId} is an operation`);
  const newMember = (member: NewMember = {}) => enter(harness, member);
  const people = await everyRole(newMember);
  const second = await everyRole(newMember);
  const tellers = {
    operations: people.operations.ctx,
    operations2: second.operations.ctx,
    officer: people.compliance_officer.ctx,
    senior: people.mlro.ctx,
  };
  return {
    ...harness,
    operations,
    operation,
    call: (operationId, call = {}) => callOperation(harness, operation(operationId), call),
    newMember,
    newCustomer: async (funds = {}, member = {}) => welcome(await newMember(member), funds, tellers),
    tokenOf: (member, secondFactor) => tokenFor(system, member, secondFactor),
    people: people,
    second,
    listId,
    close: () =>
      endInOrder(file, [
        ['the engine', () => engine.stop()],
        ['the harness', () => harness.close()],
      ]),
  };
}

/** The path of an operation with its parameters filled in. */
export function pathOf(operation: Endpoint, params: Readonly<Record<string, string>>): string {
  return operation.path.replace(/\{(\w+)\}/g, (_whole, name: string) =>
    encodeURIComponent(present(params[name], `${operation.operationId} needs ${name}`)),
  );
}

function callOperation(
  { request }: Pick<Harness, 'request'>,
  operation: Endpoint,
  call: OperationCall,
): Promise<Answer> {
  const query = new URLSearchParams(call.query ?? {}).toString();
  const path = `${pathOf(operation, call.params ?? {})}${query === '' ? '' : `?${query}`}`;
  const token = call.token ?? call.as?.token;
  return request(operation.method.toUpperCase(), path, {
    ...(token === undefined ? {} : { token }),
    ...(call.body === undefined ? {} : { body: call.body }),
    headers: {
      ...(operation.idempotency === undefined ? {} : { 'idempotency-key': newId() }),
      ...call.headers,
    },
  });
}

async function loadList(ctx: Ctx): Promise<Id> {
  const list = await createList(ctx, { kind: 'own', name: 'Fictional list' });
  const file = new Uint8Array(readFileSync(join(import.meta.dir, '..', 'demo', 'demo-list.csv')));
  await importList(ctx, list.id, { file });
  return list.id;
}

async function everyRole(newMember: World['newMember']): Promise<Readonly<Record<Role, Member>>> {
  const members = await Promise.all(ROLES.map((role) => newMember({ roles: [role] })));
  return Object.fromEntries(ROLES.map((role, index) => [role, members[index]])) as Record<Role, Member>;
}

async function enter({ system, deps, ctx }: Harness, wanted: NewMember): Promise<Member> {
  const roles = wanted.roles ?? ['customer'];
  const [firstName, lastName] = wanted.name ?? ['Anjali', 'Ramgoolam'];
  const email = `${newId()}@example.mu`;
  const totpSecret = new Secret({ size: 20 }).base32;
  const user = await createUser(system, {
    email,
    firstName,
    lastName,
    roles,
    emailVerified: true,
    ...(wanted.secondFactor === false ? {} : { totpSecret }),
    ...(wanted.password === undefined ? {} : { password: wanted.password }),
  });
  const mfaAtMs = deps.clock.realMs();
  const kind = roles.some(isStaffRole) ? 'staff' : 'customer';
  const person = { userId: user.id, email, totpSecret, roles, accountId: newId() };
  const member = { ...person, ctx: ctx({ kind, userId: user.id, roles, sessionId: newId(), mfaAtMs }) };
  return { ...member, token: await tokenFor(system, person, true) };
}

async function tokenFor(
  system: Ctx,
  { userId, roles }: Pick<Member, 'userId' | 'roles'>,
  secondFactor: boolean,
): Promise<string> {
  const methods: SignInMethod[] = secondFactor ? ['pwd', 'otp'] : ['pwd'];
  const session = await transact(system, 'engine', (tx) =>
    openSession(tx, system, userId, { methods, secondFactor }),
  );
  return (await tokensOf(system.deps, session, roles)).accessToken;
}

async function welcome(
  member: Member,
  funds: Readonly<Record<string, string>>,
  tellers: Readonly<Record<'operations' | 'operations2' | 'officer' | 'senior', Ctx>>,
): Promise<Member> {
  const { ctx } = member;
  for (const agreement of await listAgreements(ctx)) {
    await acceptAgreement(ctx, agreement.id);
  }
  await passKyc(member, tellers);
  const { id: accountId } = await createAccount(ctx, { type: 'live', baseCurrency: 'USD' });
  for (const [asset, amount] of Object.entries(funds)) {
    const deposit = await createDeposit(ctx, {
      accountId,
      asset,
      amount: parseAmount(amount),
      method: 'other',
    });
    const asked = await clearDeposit(tellers.operations, { depositId: deposit.id, reason: 'Seen' });
    const approval = present('approval' in asked ? asked.approval : undefined, 'clearing by hand asks');
    const second = approval.checkerRoles.includes('mlro') ? tellers.senior : tellers.officer;
    for (const by of [tellers.operations2, second].slice(0, approval.quorum)) {
      await decideApproval(by, { approvalId: approval.id, vote: 'approve', reason: 'Seen' });
    }
  }
  return { ...member, accountId };
}

let births = 0;

/** People of one name are not one person. */
export function anotherBirthDate(): string {
  births += 1;
  return Temporal.PlainDate.from('1950-01-01').add({ days: births }).toString();
}

/** What everybody declares for tax, in forms of their own. */
export const SELF_CERTIFIED = [
  { kind: 'tax_residence', content: { residences: [{ country: 'MUS', taxNumber: 'A1234567' }] } },
  { kind: 'fatca_crs', content: { usPerson: false, entityType: 'individual', certified: true } },
] as const;

type Reviewers = { readonly officer: Ctx; readonly senior: Ctx };

async function passKyc({ ctx, userId }: Member, { officer, senior }: Reviewers): Promise<void> {
  const declaration = { ...NEW_APPLICATION_EXAMPLE.declaration, birthDate: anotherBirthDate() };
  const application = await createApplication(ctx, { level: 'standard', declaration } as const);
  for (const type of ['passport', 'proof_of_address'] as const) {
    const file = new File([pictureWith(newId())], 'scan.png', { type: 'image/png' });
    const told = type === 'passport' ? { number: newId(), expiresOn: '2049-12-31' } : {};
    await uploadDocument(ctx, application.id, { type, file, ...told });
  }
  for (const { kind, content } of SELF_CERTIFIED) {
    await declare(ctx, application.id, kind, content);
  }
  await submitApplication(ctx, application.id);
  await screenUser(officer, userId, 'test');
  const decided = await decideApplication(officer, application.id, 'approved', 'Documents seen');
  // One document serves everybody here: where it was somebody's who is frozen, a senior person has to agree.
  if ('approval' in decided) {
    const vote = { approvalId: decided.approval.id, vote: 'approve', reason: 'Seen' } as const;
    await decideApproval(senior, vote);
  }
}
