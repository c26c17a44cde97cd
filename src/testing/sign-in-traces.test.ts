/**
 * From where somebody registered and signed in is theirs although nobody was signed in yet: it goes with
 * their key, wherever the log is read, and every proof stays valid.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq, inArray, or } from 'drizzle-orm';
import { users } from '../domains/identity/schema.ts';
import type { Id } from '../kernel/id.ts';
import { verifyExport } from '../platform/audit/verify-export.ts';
import { auditLogs } from '../platform/db/schema.ts';
import { done, REASON } from './drivers/driver.ts';
import { closed } from './drivers/privacy.ts';
import { PASSWORD } from './identity-desk.ts';
import { startWorld, type World } from './world.ts';

const EIGHT_YEARS_MS = 8 * 366 * 86_400_000;
const PERIOD = { from: '2020-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z', format: 'ndjson' };
/** What strangers wrote of somebody who registers, fails, and signs in. */
const WRITTEN = ['user.registered', 'login.failed', 'request.refused', 'session.opened'];

type Line = {
  readonly type: string;
  readonly public?: { readonly id: string };
  readonly personal?: unknown;
  readonly personalHash?: string;
};

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
  await world.startWorkers();
}, 120_000);

afterAll(async () => {
  const report = await world.reconcile();
  await world.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

/** Somebody who comes to the door, mistypes once and is let in. */
async function atTheDoor(email: string): Promise<Id> {
  const login = (password: string) => world.call('login', { body: { email, password } });
  const body = { email, password: PASSWORD, firstName: 'Zephyrine', lastName: 'Quillfeather' };
  const { sandbox } = await done(world.call('register', { body }));
  await done(world.call('verifyEmail', { body: { token: sandbox.emailToken } }));
  expect((await login('not the words at all')).body.code).toBe('login_failed');
  await done(login(PASSWORD));
  const index = world.deps.keyring.blindIndex('users.email', email);
  const [user] = await world.deps.db.engine.select().from(users).where(eq(users.emailIndex, index));
  return user?.id as Id;
}

async function erased(userId: Id): Promise<void> {
  const params = { id: userId };
  await closed(world, userId);
  world.advance(EIGHT_YEARS_MS);
  const as = world.people.compliance_officer;
  const { id } = await done(world.call('requestErasure', { as, params, body: REASON }));
  await done(world.call('approveApproval', { as: world.second.mlro, params: { id }, body: REASON }));
}

/** What strangers wrote about a person, and whatever else their requests left. */
async function rowsAbout(userId: Id) {
  const { engine } = world.deps.db;
  const about = await engine.select().from(auditLogs).where(eq(auditLogs.subjectUserId, userId));
  const requests = about.filter((row) => row.actorKind === 'anonymous').map((row) => row.requestId);
  const rows = await engine
    .select()
    .from(auditLogs)
    .where(or(eq(auditLogs.subjectUserId, userId), inArray(auditLogs.requestId, requests)));
  return rows.filter((row) => row.actorUserId === null || row.actorUserId === userId);
}

/** The personal part of each row as an examiner is shown it. */
async function shown(ids: ReadonlySet<string>, userId: Id): Promise<readonly unknown[]> {
  const query = { userId, limit: '200' };
  const { data } = await done(world.call('listAuditLogs', { as: world.people.auditor, query }));
  return (data as { readonly id: string; readonly personal: unknown }[])
    .filter(({ id }) => ids.has(id))
    .map(({ personal }) => personal);
}

async function exportedText(body: object): Promise<string> {
  const as = world.people.auditor;
  const { id } = await done(world.call('createAuditExport', { as, body }));
  const params = { id };
  for (let tries = 0; tries < 400; tries += 1) {
    const { status } = await done(world.call('getAuditExport', { as, params }));
    if (status === 'completed') {
      return done(world.call('downloadAuditExport', { as, params })) as unknown as Promise<string>;
    }
    await Bun.sleep(25);
  }
  throw new Error('the export was not completed within ten seconds');
}

function linesOf(text: string, ids: ReadonlySet<string>): readonly Line[] {
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  return lines.filter((line) => line.type === 'row' && ids.has(line.public?.id ?? ''));
}

test('no row about somebody who was erased says from where they registered, failed and signed in', async () => {
  const userId = await atTheDoor('zephyrine@example.mu');
  const bystander = await atTheDoor('bystander@example.mu');
  const before = await rowsAbout(userId);
  const ids = new Set(before.map(({ id }) => id));
  expect(before.map(({ eventType }) => eventType)).toEqual(expect.arrayContaining(WRITTEN));
  expect(before.filter((row) => row.subjectUserId !== userId)).toEqual([]);
  expect(await shown(ids, userId)).not.toContain(null);

  await erased(userId);
  const gone = await shown(ids, userId);
  expect(gone).toHaveLength(ids.size);
  expect(gone.filter((personal) => personal !== null)).toEqual([]);

  for (const filters of [{}, { userId }]) {
    const text = await exportedText({ ...PERIOD, filters });
    const lines = linesOf(text, ids);
    expect(lines).toHaveLength(ids.size);
    expect(lines.filter((line) => 'personal' in line || line.personalHash === undefined)).toEqual([]);
    const report = await verifyExport(text.trimEnd().split('\n'), {});
    expect(report.findings).toEqual([]);
  }

  const kept = await rowsAbout(bystander);
  expect(await shown(new Set(kept.map(({ id }) => id)), bystander)).not.toContain(null);
  const { sealer } = await world.startWorkers();
  await sealer.sealNow();
  const verified = await done(world.call('verifyAuditLog', { as: world.people.auditor }));
  expect(verified).toMatchObject({ holds: true, findingCount: 0 });
}, 60_000);
