/**
 * A whole life of a customer, its end, and what is left of it eight years later: nothing that can be read,
 * and every proof and balance as before.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { buildDeps } from '../deps.ts';
import { revocations } from '../domains/identity/revocations.ts';
import { credentials, users } from '../domains/identity/schema.ts';
import { NEW_APPLICATION_EXAMPLE } from '../domains/kyc/api.ts';
import { documentFileName } from '../domains/kyc/document-file.ts';
import { createApplication, uploadDocument } from '../domains/kyc/index.ts';
import { allDomains } from '../domains.ts';
import type { Role } from '../kernel/actor.ts';
import { newId } from '../kernel/id.ts';
import { type Ctx, machineCtx } from '../platform/context.ts';
import { files, personKeys } from '../platform/db/schema.ts';
import { transact } from '../platform/db/transact.ts';
import { buildLogger } from '../platform/log/logger.ts';
import { done, first, REASON } from './drivers/driver.ts';
import { closed } from './drivers/privacy.ts';
import { TEST_SETTINGS } from './foundation.ts';
import { PASSWORD } from './identity-desk.ts';
import { type Member, type OperationCall, PIXEL, startWorld, type World } from './world.ts';

const EIGHT_YEARS_MS = 8 * 366 * 86_400_000;
const NAME = ['Zephyrine', 'Quillfeather'] as const;
const PHONE = '+23059876543';
const IBAN = 'MU17BOMM0101101030300200000MUR';
const STREET = 'Bluebell Passage';
const WORDS = 'my grandmother’s recipe';
const PASSPORT = 'ZQ7788991';

/** What could tell who it was, in any table, as text or inside bytes. */
const TRACES = [...NAME, PHONE, IBAN, STREET, 'recipe', PASSPORT, 'Zephyrine’s nest', 'Quill key'];

let world: World;
let person: Member;
let wrappedKey: Uint8Array;
let indexes: readonly Uint8Array[];
let withdrawalId: string;
let applicationId: string;
let documentId: string;
let screeningId: string;
let fileNames: readonly string[];
let whileOpen: {
  readonly status: number;
  readonly body: { code: string; detail: string; errors: unknown[] };
};
let justClosed: typeof whileOpen;
let erasure: { readonly id: string };
let otherNode: Ctx;
/** Every table right after the erasure. */
let left: string;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
  await world.startWorkers();
  person = await live();
  whileOpen = await askErasure();
  await closed(world, person.userId);
  justClosed = await askErasure();
  await keepForLater();
  otherNode = await secondNode();
  world.advance(EIGHT_YEARS_MS);
  erasure = await done(askErasure() as never);
  const as = world.second.mlro;
  await done(world.call('approveApproval', { as, params: { id: erasure.id }, body: REASON }));
  await world.settle();
  left = await dump();
}, 120_000);

afterAll(async () => {
  const report = await world.reconcile();
  await otherNode.deps.db.close();
  await world.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const askErasure = () =>
  world.call('requestErasure', {
    as: world.people.compliance_officer,
    params: { id: person.userId },
    body: REASON,
  });

/** Money in and out again, papers, payees, keys and settings: what a customer leaves behind. */
async function live(): Promise<Member> {
  const customer = await world.newCustomer({ USD: '100' }, { name: NAME, password: PASSWORD });
  const as = customer;
  const { version } = await done(world.call('getMe', { as }));
  await done(
    world.call('updateMe', {
      as,
      headers: { 'if-match': `"${version}"` },
      body: { phone: PHONE, address: { street: STREET, city: 'Port Louis', country: 'MUS' } },
    }),
  );
  const account = { as, params: { id: as.accountId }, headers: { 'if-match': '"1"' } };
  await done(world.call('renameAccount', { ...account, body: { name: 'Zephyrine’s nest' } }));
  await done(world.call('putSetting', { as, params: { name: 'note' }, body: { value: WORDS } }));
  await done(world.call('createApiKey', { as, body: { name: 'Quill key', scopes: ['accounts:read'] } }));
  await withPapers(as);
  const payee = { kind: 'bank', holderName: NAME.join(' '), iban: IBAN, bic: 'MCBLMUMU' };
  const { id: beneficiaryId } = await done(world.call('createBeneficiary', { as, body: payee }));
  const body = { accountId: as.accountId, asset: 'USD', amount: '100', beneficiaryId };
  const asked = await done(world.call('createWithdrawal', { as, body }));
  withdrawalId = asked.id;
  const params = { id: withdrawalId };
  await done(world.call('approveWithdrawal', { as: world.people.compliance_officer, params, body: REASON }));
  await done(world.call('processWithdrawal', { as: world.people.operations, params }));
  const paid = { transactionReference: `FT${newId()}` };
  await done(world.call('completeWithdrawal', { as: world.people.operations, params, body: paid }));
  return customer;
}

/** A draft besides the approved application, with a document that has a number. */
async function withPapers({ ctx, userId }: Member): Promise<void> {
  const { declaration } = NEW_APPLICATION_EXAMPLE;
  const address = { ...declaration.address, street: STREET };
  const [firstName, lastName] = NAME;
  const draft = await createApplication(ctx, {
    level: 'enhanced',
    declaration: { ...declaration, firstName, lastName, address },
  } as const);
  const file = new File([PIXEL], 'scan.png', { type: 'image/png' });
  const document = await uploadDocument(ctx, draft.id, { type: 'passport', file, number: PASSPORT });
  [applicationId, documentId] = [draft.id, document.id];
  const [screening] = await world.deps.db.engine.execute<{ id: string }>(
    sql`select id from screenings where user_id = ${userId} limit 1`,
  );
  screeningId = screening?.id ?? '';
}

/** Another process on the same database, which has the key in its memory and listens. */
async function secondNode(): Promise<Ctx> {
  const deps = buildDeps({
    mode: 'sandbox',
    dataDir: world.deps.dataDir,
    connections: world.database.connections,
    pools: { app: 1, staff: 1, engine: 2 },
    rootKeys: [{ name: 'test', key: new Uint8Array(32).fill(7) }],
    log: buildLogger('silent'),
    wakeRelay: () => {},
    domains: allDomains,
    settings: TEST_SETTINGS,
  });
  const ctx = machineCtx(deps, { kind: 'system', name: 'other node' }, newId());
  while (revocations(deps).listener.stretch() === 0) {
    await Bun.sleep(10);
  }
  expect(await transact(ctx, 'engine', (tx) => deps.personKeys.find(tx, person.userId))).toBeDefined();
  return ctx;
}

async function keepForLater(): Promise<void> {
  const { engine } = world.deps.db;
  const [user] = await engine.select().from(users).where(eq(users.id, person.userId));
  const [key] = await engine.select().from(personKeys).where(eq(personKeys.userId, person.userId));
  const payees = await engine.execute<{ index: Uint8Array }>(
    sql`select destination_index as index from beneficiaries where user_id = ${person.userId}`,
  );
  wrappedKey = key?.wrappedKey as Uint8Array;
  indexes = [user?.emailIndex, user?.phoneIndex, ...payees.map((row) => row.index)] as Uint8Array[];
  const kept = await engine.select().from(files).where(eq(files.userId, person.userId));
  fileNames = kept.map((file) => documentFileName(file.id));
}

/** Every row of every table as text, bytes in hexadecimal. */
async function dump(): Promise<string> {
  const { engine } = world.deps.db;
  const tables = await engine.execute<{ name: string }>(sql`
    select relname as name from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
      and relname <> 'guard_baseline'`);
  const texts: string[] = [];
  for (const { name } of tables) {
    const rows = await engine.execute<{ row: string }>(
      sql`select t::text as row from ${sql.identifier(name)} t`,
    );
    texts.push(...rows.map(({ row }) => row));
  }
  expect(texts.length).toBeGreaterThan(500);
  return texts.join('\n');
}

const hex = (bytes: Uint8Array | string) => Buffer.from(bytes as Uint8Array).toString('hex');

const staffRead = (role: Role, operationId: string, call: OperationCall = {}) =>
  world.call(operationId, { as: world.people[role], ...call });

describe('an erasure', () => {
  test('is refused with the date while the relationship is open, and for seven years after its end', async () => {
    const [row] = await world.deps.db.engine.select().from(users).where(eq(users.id, person.userId));
    const endedOn = row?.closedAt?.slice(0, 10) ?? '';
    const until = `${Number.parseInt(endedOn.slice(0, 4), 10) + 7}${endedOn.slice(4)}`;
    for (const refused of [whileOpen, justClosed]) {
      expect([refused.status, refused.body.code]).toEqual([409, 'retention_running']);
      expect(refused.body.detail).toContain(until);
      expect(refused.body.errors).toMatchObject([{ code: 'kept_until' }]);
    }
    expect(whileOpen.body.detail).toContain('has not ended');
  });

  test('is asked for and decided by two people of compliance, never by the person or twice', async () => {
    const as = world.people.compliance_officer;
    expect((await askErasure()).body.code).toBe('user_erased');
    const self = { as, params: { id: as.userId }, body: REASON };
    expect((await world.call('requestErasure', self)).body.code).toBe('self_action');
    const unknown = { as, params: { id: newId() }, body: REASON };
    expect((await world.call('requestErasure', unknown)).status).toBe(404);
  });

  test('is recorded, without a word that could be read back', async () => {
    const rows = await world.deps.db.engine.execute<{ after: { status: string; deletedAt: string } }>(
      sql`select after from audit_logs where event_type = 'user.erased' and subject_user_id = ${person.userId}`,
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]?.after.status).toBe('closed');
    expect(rows[0]?.after.deletedAt).toBeDefined();
  });
});

describe('what is left of an erased person', () => {
  test('cannot be read or found in any table, nor with the key that once was', () => {
    for (const trace of [...TRACES, person.email]) {
      expect([trace, left.includes(trace), left.includes(hex(trace))]).toEqual([trace, false, false]);
    }
    for (const gone of [wrappedKey, ...indexes]) {
      expect(left.includes(hex(gone))).toBe(false);
    }
    expect(indexes).toHaveLength(3);
  });

  test('holds no credential, factor, key, setting, role or file', async () => {
    const { engine } = world.deps.db;
    expect(await engine.select().from(credentials).where(eq(credentials.userId, person.userId))).toEqual([]);
    const [left] = await engine.execute<Record<string, number>>(sql`select
      (select count(*)::int from totp_secrets where user_id = ${person.userId}) as totp,
      (select count(*)::int from api_keys where user_id = ${person.userId}) as keys,
      (select count(*)::int from user_settings where user_id = ${person.userId}) as settings,
      (select count(*)::int from role_grants where user_id = ${person.userId}) as roles,
      (select count(*)::int from person_keys where user_id = ${person.userId}) as data_keys`);
    expect(left).toEqual({ totp: 0, keys: 0, settings: 0, roles: 0, data_keys: 0 });
    expect(fileNames.length).toBeGreaterThan(2);
    for (const name of fileNames) {
      expect(world.deps.files.get(name)).rejects.toThrow();
    }
  });

  test('is readable where it names nobody: money, orders of events, decisions', async () => {
    const id = person.userId;
    const masked = await done(staffRead('support', 'getUser', { params: { id } }));
    expect(masked).toMatchObject({
      id,
      status: 'closed',
      initials: '',
      emailMasked: '',
      nationality: null,
      roles: [],
    });
    expect(
      await done(staffRead('mlro', 'getKycApplication', { params: { id: applicationId } })),
    ).toMatchObject({
      declaration: null,
      notices: [],
    });
    expect(
      await done(staffRead('operations', 'getWithdrawal', { params: { id: withdrawalId } })),
    ).toMatchObject({ status: 'completed', destination: null });
    expect(await done(staffRead('mlro', 'getScreening', { params: { id: screeningId } }))).toMatchObject({
      subject: null,
    });
    const revealed = staffRead('mlro', 'revealUsers', {
      body: { userIds: [id], purpose: 'complaint', ...REASON },
    });
    expect((await done(revealed)).data).toEqual([{ id, erased: true }]);
    const exported = staffRead('mlro', 'exportUserData', {
      params: { id },
      query: { purpose: 'audit_or_legal', reason: 'Looked at it' },
    });
    expect(await done(exported)).toMatchObject({
      complete: true,
      data: { identity: { person: [{ email: null }] }, funding: { withdrawals: [{ destination: null }] } },
    });
  });

  test('is forgotten by other nodes too, which are told that the key is gone', async () => {
    const asked = () =>
      transact(otherNode, 'engine', (tx) => otherNode.deps.personKeys.find(tx, person.userId));
    const deadlineMs = Date.now() + 20_000;
    while ((await asked()) !== undefined && Date.now() < deadlineMs) {
      await Bun.sleep(10);
    }
    expect(await asked()).toBeUndefined();
  });

  test('breaks no reading of staff: lists, log, approvals, papers', async () => {
    const { userId } = person;
    const reads: readonly [Role, string, OperationCall][] = [
      ['support', 'listUsers', { query: { limit: '200' } }],
      ['support', 'listUsers', { query: { status: 'closed' } }],
      ['auditor', 'listAuditLogs', { query: { userId, limit: '200' } }],
      ['mlro', 'listApprovals', { query: { limit: '200' } }],
      ['mlro', 'getApproval', { params: { id: erasure.id } }],
      ['mlro', 'listKycApplications', { query: { limit: '200' } }],
      ['mlro', 'listScreenings', {}],
      ['mlro', 'listAmlAlerts', {}],
      ['operations', 'listDeposits', { query: { userId } }],
      ['operations', 'listWithdrawals', { query: { userId } }],
      ['operations', 'listBeneficiaries', { query: { userId } }],
      ['operations', 'listAccounts', {}],
      ['auditor', 'listWithdrawalApprovals', { params: { id: withdrawalId } }],
    ];
    for (const [role, operationId, call] of reads) {
      expect([operationId, (await staffRead(role, operationId, call)).status]).toEqual([operationId, 200]);
    }
    const paper = { params: { id: applicationId, docId: documentId } };
    expect((await staffRead('mlro', 'readKycDocument', paper)).status).toBe(404);
    const rescreen = staffRead('compliance_officer', 'createScreening', { body: { userId } });
    expect((await rescreen).status).toBe(404);
  });

  test('is unknown at the door, and the address is free for somebody new', async () => {
    const { email } = person;
    const login = () => world.call('login', { body: { email, password: PASSWORD } });
    expect((await login()).body.code).toBe('login_failed');
    expect((await world.call('getMe', { as: person })).status).toBe(401);
    const found = await done(staffRead('support', 'listUsers', { query: { email } }));
    expect(found.data).toEqual([]);
    const again = { email, password: PASSWORD, firstName: 'Noor', lastName: 'Peerbaye' };
    const { sandbox } = await done(world.call('register', { body: again }));
    await done(world.call('verifyEmail', { body: { token: sandbox.emailToken } }));
    expect((await login()).body.mfaRequired).toBe(false);
    const [one] = (await done(staffRead('support', 'listUsers', { query: { email } }))).data;
    expect(one.id).not.toBe(person.userId);
  });

  test('keeps every proof valid: the log verifies, rows of the person included', async () => {
    const { sealer } = await world.startWorkers();
    await sealer.sealNow();
    const verified = await done(staffRead('auditor', 'verifyAuditLog'));
    expect(verified).toMatchObject({ holds: true, findingCount: 0 });
    const { data } = await done(staffRead('auditor', 'listAuditLogs', { query: { userId: person.userId } }));
    const row = first<{ id: string; personal: unknown }>(data);
    expect((await staffRead('auditor', 'getAuditProof', { params: { id: row.id } })).status).toBe(200);
    expect(
      data.filter(
        (each: { actorUserId: string; personal: unknown }) =>
          each.actorUserId === person.userId && each.personal !== null,
      ),
    ).toEqual([]);
  });
});
