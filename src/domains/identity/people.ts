import { and, inArray, isNull, or, type SQL, type SQLWrapper, sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import { customerGates, gateRestrictions, users } from './schema.ts';

/** Whether the person of a row is there and was not erased, for a statement of another domain. */
export function isNotErased(userId: SQLWrapper): SQL {
  return sql`exists (select from ${users} u where u.id = ${outer(userId)} and u.deleted_at is null)`;
}

/** What people said about the risk they bear; null where they never did. */
export async function riskProfilesOf(
  tx: Tx,
  userIds: readonly Id[],
): Promise<ReadonlyMap<Id, (typeof users.$inferSelect)['riskProfile']>> {
  const rows = await tx
    .select({ id: users.id, riskProfile: users.riskProfile })
    .from(users)
    .where(inArray(users.id, [...new Set(userIds)]));
  return new Map(rows.map((row) => [row.id, row.riskProfile]));
}

/** Whether the person of a row is an approved customer and their access was not closed. */
export function isApproved(userId: SQLWrapper): SQL {
  return sql`exists (select from ${customerGates} g join ${users} u on u.id = g.user_id
    where g.user_id = ${outer(userId)} and g.kyc_status = 'approved' and u.status <> 'closed')`;
}

/** The KYC level of the person of a row; null where nothing is verified. */
export function kycLevelOf(userId: SQLWrapper): SQL<string | null> {
  return sql<
    string | null
  >`(select g.kyc_level::text from ${customerGates} g where g.user_id = ${outer(userId)})`;
}

/**
 * When the person of a row was last seen to do anything of their own: signing in, going on with a session, or a
 * request with an API key. Whatever else they do, orders and withdrawals too, they do through one of these.
 */
export function lastSeen(userId: SQLWrapper): SQL<string> {
  return sql<string>`(select greatest(u.created_at, u.last_login_at,
      (select max(s.last_active_at) from sessions s where s.user_id = u.id),
      (select max(k.last_used_at) from api_keys k where k.user_id = u.id))
    from ${users} u where u.id = ${outer(userId)})`;
}

/**
 * Those of these people whose access was suspended or closed, or who are restricted for what they are or did: not for
 * a document that ran out.
 */
export async function shutOutOf(tx: Tx, userIds: readonly Id[]): Promise<ReadonlySet<Id>> {
  if (userIds.length === 0) {
    return new Set();
  }
  const standing = tx
    .select({ userId: gateRestrictions.userId })
    .from(gateRestrictions)
    .where(
      and(
        isNull(gateRestrictions.liftedAt),
        inArray(gateRestrictions.cause, ['sanctions', 'aml_case', 'risk']),
      ),
    );
  const rows = await tx
    .select({ id: users.id })
    .from(users)
    .where(
      and(
        inArray(users.id, [...userIds]),
        or(inArray(users.status, ['suspended', 'closed']), inArray(users.id, standing)),
      ),
    );
  return new Set(rows.map(({ id }) => id));
}

/** Everybody's KYC level. @shape one entry per person whose level is verified */
export async function kycLevels(tx: Tx): Promise<ReadonlyMap<Id, string>> {
  const rows = await tx
    .select({ userId: customerGates.userId, level: customerGates.kycLevel })
    .from(customerGates);
  return new Map(rows.flatMap(({ userId, level }) => (level === null ? [] : [[userId, level]])));
}

/** Keeps the table's name before the column: what selects from one table leaves it out, where it is not nested. */
function outer(column: SQLWrapper): SQL {
  return sql`${column}`;
}
