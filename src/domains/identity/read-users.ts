import { and, desc, eq, lt } from 'drizzle-orm';
import type { Role } from '../../kernel/actor.ts';
import type { Id } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import { openedOrNull } from '../../platform/alarms/unreadable.ts';
import type { Change } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { DataKey } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../platform/http/cursor.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { emailIndexOf, type User } from './create-user.ts';
import { openUser } from './profile.ts';
import { recordReads } from './record-reads.ts';
import { initialsOf, maskEmail } from './rules.ts';
import { customerGates, users } from './schema.ts';
import { rolesColumn } from './session-state.ts';

/** A person as staff see them: who it could be, not who it is. */
export type MaskedUser = Pick<User, 'id' | 'status' | 'lastLoginAt' | 'createdAt' | 'version'> & {
  readonly initials: string;
  readonly emailMasked: string;
  readonly emailVerified: boolean;
  readonly nationality: string | null;
  readonly roles: readonly Role[];
  readonly kycStatus: (typeof customerGates.$inferSelect)['kycStatus'];
  readonly kycLevel: (typeof customerGates.$inferSelect)['kycLevel'];
  readonly agreementsCurrent: boolean;
};

export type UserQuery = PageRequest & {
  readonly status?: User['status'] | undefined;
  /** The whole address; parts of one find nobody. */
  readonly email?: string | undefined;
};

/**
 * People, masked, newest first.
 * @effects audit `user.listed` for each of them; perhaps the alarm `access.bulk_read`
 * @errors invalid_cursor
 */
export async function listUsers(ctx: Ctx, query: UserQuery): Promise<Page<MaskedUser>> {
  const emailIndex = query.email === undefined ? undefined : emailIndexOf(ctx, query.email);
  const listing = `users ${query.status ?? 'all'} ${Buffer.from(emailIndex ?? []).toString('base64')}`;
  const cursorKey = ctx.deps.keyring.cursorKey;
  return transact(ctx, 'staff', async (tx) => {
    const [before] = query.cursor === undefined ? [] : readCursor(cursorKey, listing, query.cursor);
    const rows = await selectUsers(tx)
      .where(
        and(
          query.status === undefined ? undefined : eq(users.status, query.status),
          emailIndex === undefined ? undefined : eq(users.emailIndex, emailIndex),
          before === undefined ? undefined : lt(users.id, before),
        ),
      )
      .orderBy(desc(users.id))
      .limit(query.limit + 1);
    const page = cutPage(cursorKey, listing, rows, query.limit, (row) => [row.user.id]);
    const keys = await ctx.deps.personKeys.ofMany(
      tx,
      page.data.map((row) => row.user.id),
    );
    await recordReads(tx, ctx, listed(page.data));
    return { ...page, data: page.data.map((row) => masked(ctx, row, keys.get(row.user.id))) };
  });
}

/**
 * One person, masked.
 * @effects audit `user.read`; perhaps the alarm `access.bulk_read`
 * @errors not_found
 */
export async function getUser(ctx: Ctx, userId: Id): Promise<MaskedUser> {
  return transact(ctx, 'staff', async (tx) => {
    const [row] = await selectUsers(tx).where(eq(users.id, userId));
    if (row === undefined) {
      throw refuse('not_found');
    }
    await recordReads(tx, ctx, [
      {
        event: IDENTITY_EVENTS['user.read'],
        resource: { type: 'user', id: userId },
        subjectUserId: userId,
      },
    ]);
    return masked(ctx, row, await ctx.deps.personKeys.find(tx, userId));
  });
}

type UserRow = {
  readonly user: User;
  readonly gate: typeof customerGates.$inferSelect;
  readonly roles: readonly Role[];
};

function selectUsers(tx: Tx) {
  return tx
    .select({ user: users, gate: customerGates, roles: rolesColumn })
    .from(users)
    .innerJoin(customerGates, eq(customerGates.userId, users.id))
    .$dynamic();
}

/** A row for each person shown; a search that found nobody is one too. */
function listed(rows: readonly UserRow[]): readonly Change[] {
  const event = IDENTITY_EVENTS['user.listed'];
  const after = { count: rows.length };
  if (rows.length === 0) {
    return [{ event, resource: { type: 'user', id: 'list' }, subjectUserId: null, after }];
  }
  return rows.map(({ user }) => ({
    event,
    resource: { type: 'user', id: user.id },
    subjectUserId: user.id,
    after,
  }));
}

/** Without the person's key nothing can be shown of them, nor of what it does not open. */
function masked(ctx: Ctx, { user, gate, roles }: UserRow, key: DataKey | undefined): MaskedUser {
  const opened = key === undefined ? null : openedOrNull(ctx, () => openUser(key, user));
  return {
    id: user.id,
    status: user.status,
    lastLoginAt: user.lastLoginAt,
    createdAt: user.createdAt,
    version: user.version,
    initials: opened === null ? '' : initialsOf(opened.profile),
    emailMasked: opened === null ? '' : maskEmail(opened.email),
    emailVerified: user.emailVerifiedAt !== null,
    nationality: opened?.profile.nationality ?? null,
    roles,
    kycStatus: gate.kycStatus,
    kycLevel: gate.kycLevel,
    agreementsCurrent: gate.agreementsCurrent,
  };
}
