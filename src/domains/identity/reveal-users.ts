import { inArray } from 'drizzle-orm';
import { hasRole, type Role } from '../../kernel/actor.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { DataKey } from '../../platform/crypto/seal.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import type { User } from './create-user.ts';
import { refuseIdentity } from './errors.ts';
import { openUser, PROFILE_MEMBERS, type Profile } from './profile.ts';
import type { Purpose } from './purposes.ts';
import { recordReads } from './record-reads.ts';
import { users } from './schema.ts';
import { refuseSelfAction } from './signed-in.ts';

export const REVEAL_FIELDS = ['email', 'phone', ...PROFILE_MEMBERS] as const;

export type RevealField = (typeof REVEAL_FIELDS)[number];

/** Who may see people unmasked, and what of them their work needs: paying needs a name and a way to ask. */
const FIELDS_OF: Readonly<Partial<Record<Role, readonly RevealField[]>>> = {
  compliance_officer: REVEAL_FIELDS,
  mlro: REVEAL_FIELDS,
  operations: ['email', 'phone', 'firstName', 'lastName', 'displayName'],
};

export const REVEALERS = ['compliance_officer', 'mlro', 'operations'] as const satisfies readonly Role[];

export const MAX_REVEALED = 200;

export type RevealRequest = Purpose & {
  readonly userIds: readonly Id[];
  /** All that the role may see unless named. */
  readonly fields?: readonly RevealField[] | undefined;
};

export type RevealedUser = Partial<Profile> & {
  readonly id: Id;
  readonly erased: boolean;
  readonly email?: string | undefined;
  readonly phone?: string | null | undefined;
};

/**
 * People unmasked, for a purpose that is named and recorded for each of them.
 * @effects audit `user.revealed` for each of them; perhaps the alarm `access.bulk_read`
 * @errors self_action, fields_not_allowed, not_found (nobody is revealed where one of them is nobody)
 */
export async function revealUsers(ctx: Ctx, request: RevealRequest): Promise<readonly RevealedUser[]> {
  const ids = [...new Set(request.userIds)];
  for (const id of ids) {
    refuseSelfAction(ctx, id);
  }
  const fields = fieldsFor(ctx, request.fields);
  return transact(ctx, 'staff', async (tx) => {
    const rows = await tx.select().from(users).where(inArray(users.id, ids));
    if (rows.length !== ids.length) {
      throw refuse('not_found');
    }
    const { purpose, reason } = request;
    await recordReads(
      tx,
      ctx,
      ids.map((id) => ({
        event: IDENTITY_EVENTS['user.revealed'],
        resource: { type: 'user', id },
        subjectUserId: id,
        after: { purpose, reason, fields },
      })),
    );
    const keys = await ctx.deps.personKeys.ofMany(tx, ids);
    const byId = new Map(rows.map((row) => [row.id, row]));
    return ids.flatMap((id) => {
      const row = byId.get(id);
      return row === undefined ? [] : [revealed(row, keys.get(id), fields)];
    });
  });
}

function fieldsFor(ctx: Ctx, wanted: readonly RevealField[] | undefined): readonly RevealField[] {
  const allowed = REVEAL_FIELDS.filter((field) =>
    REVEALERS.some((role) => hasRole(ctx.actor, role) && FIELDS_OF[role]?.includes(field)),
  );
  const beyond = (wanted ?? []).filter((field) => !allowed.includes(field));
  if (beyond.length > 0) {
    throw refuseIdentity('fields_not_allowed', { detail: `Not for this role: ${beyond.join(', ')}` });
  }
  return wanted === undefined ? allowed : [...new Set(wanted)];
}

function revealed(user: User, key: DataKey | undefined, fields: readonly RevealField[]): RevealedUser {
  if (key === undefined) {
    return { id: user.id, erased: true };
  }
  const { email, phone, profile } = openUser(key, user);
  const known = { email, phone, ...profile };
  const shown = fields.filter((field) => known[field] !== undefined).map((field) => [field, known[field]]);
  return { id: user.id, erased: false, ...Object.fromEntries(shown) };
}
