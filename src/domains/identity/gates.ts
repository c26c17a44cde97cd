/**
 * The gate (I8): one row per user that every money path reads under a lock that excludes the row's
 * writers. A shared advisory lock writes nothing; FOR SHARE would write the row.
 */
import { eq, type InferSelectModel, sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { arrayParameter } from '../../platform/db/insert-rows.ts';
import { lockExclusive, lockShared } from '../../platform/db/locks.ts';
import { namesOf, readColumns } from '../../platform/db/read-columns.ts';
import { together } from '../../platform/db/transact.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { customerGates, users } from './schema.ts';

export type Gate = InferSelectModel<typeof customerGates> & { readonly userStatus: string };

/**
 * Locks and reads the gates of the people a money transaction touches. Take it before any row lock.
 * @shape one entry per user that has a gate; a missing entry must be treated as closed
 */
export async function lockGates(tx: Tx, userIds: readonly Id[]): Promise<ReadonlyMap<Id, Gate>> {
  // In this order: what is read holds until the lock is let go.
  const [, gates] = await together(
    lockShared(tx, [...new Set(userIds)].map(gateLockName)),
    readGates(tx, userIds),
  );
  return gates;
}

/**
 * The gates as they are, without a lock: for a caller who holds them against what the lock says later.
 * @shape one entry per user that has a gate
 */
export async function readGates(tx: Tx, userIds: readonly Id[]): Promise<ReadonlyMap<Id, Gate>> {
  const ids = sql.param(arrayParameter('uuid', [...new Set(userIds)].sort()));
  const gates = await readColumns<typeof customerGates, keyof GateRow, { readonly user_status: string }>(
    tx,
    customerGates,
    GATE_COLUMNS,
    sql`${customerGates} where user_id = any (${ids}::uuid[])`,
    // A look-up for each: a join would be planned to read all users where few were known.
    sql`(select ${users.status}::text from ${users} where ${users.id} = ${customerGates.userId}) as user_status`,
  );
  return new Map(gates.map(({ user_status: userStatus, ...gate }) => [gate.userId, { ...gate, userStatus }]));
}

type GateRow = InferSelectModel<typeof customerGates>;

const GATE_COLUMNS = namesOf(customerGates);

/** What `hold_standing` in the database locks for a person. */
export function gateLockName(userId: Id): string {
  return `gate:${userId}`;
}

/**
 * Keeps every money path of a user out until the transaction ends: for changes they must obey at once
 * although they are not in the gate row itself, such as a suspension or a frozen account.
 */
export async function lockGateExclusively(tx: Tx, userId: Id): Promise<void> {
  await lockExclusive(tx, [gateLockName(userId)]);
}

export type GateChange = Partial<Pick<Gate, 'kycStatus' | 'kycLevel' | 'screening' | 'agreementsCurrent'>>;

/**
 * Changes a gate under the exclusive lock; the next money transaction already obeys it. Only `kyc`,
 * `aml` and, for agreements, `identity` call this. What restricts a gate is placed and lifted by cause.
 * @effects one row of `customer_gates`; audit `gate.changed`
 */
export async function changeGate(tx: Tx, ctx: Ctx, userId: Id, change: GateChange): Promise<Gate> {
  await lockGateExclusively(tx, userId);
  return writeGate(tx, ctx, userId, change);
}

/**
 * The one writer of the row, for whoever holds the exclusive lock.
 * @effects one row of `customer_gates`; audit `gate.changed`
 */
export async function writeGate(
  tx: Tx,
  ctx: Ctx,
  userId: Id,
  change: GateChange & Partial<Pick<Gate, 'restriction'>>,
): Promise<Gate> {
  const [before] = await tx.select().from(customerGates).where(eq(customerGates.userId, userId));
  const gate = present(before, 'every user has a gate');
  const [after] = await tx
    .update(customerGates)
    .set({
      ...change,
      version: gate.version + 1,
      changedBy: 'userId' in ctx.actor ? ctx.actor.userId : ctx.actor.kind,
      changedAt: ctx.deps.clock.now(),
    })
    .where(eq(customerGates.userId, userId))
    .returning();
  const changed = present(after, 'the gate was locked');
  await record(tx, ctx, {
    event: IDENTITY_EVENTS['gate.changed'],
    resource: { type: 'gate', id: userId },
    subjectUserId: userId,
    before: gate,
    after: changed,
  });
  const [owner] = await tx.select({ status: users.status }).from(users).where(eq(users.id, userId));
  return { ...changed, userStatus: present(owner, 'a gate has its user').status };
}

/**
 * What a money path wants to do, from the customer's side. `reduce` is a trade that can only lessen what
 * the customer is exposed to.
 */
export type MoneyMove = 'money_in' | 'money_out' | 'trade' | 'reduce';

export type GateRefusal = 'kyc_not_approved' | 'account_restricted' | 'under_review' | 'agreements_outdated';

/**
 * Whether a gate lets a live money path through; null means yes. Anything unknown refuses (I8). The
 * customer's words never tell a sanctions matter from an ordinary review.
 */
export function gateRefusal(gate: Gate | undefined, move: MoneyMove): GateRefusal | null {
  if (gate === undefined || isShutOut(gate)) {
    return 'account_restricted';
  }
  if (gate.kycStatus !== 'approved' || gate.kycLevel === 'none') {
    return 'kyc_not_approved';
  }
  if (isRestricted(gate, move)) {
    return 'account_restricted';
  }
  if (gate.screening !== 'clear') {
    return 'under_review';
  }
  const trades = move === 'trade' || move === 'reduce';
  return trades && !gate.agreementsCurrent ? 'agreements_outdated' : null;
}

/**
 * Whether something stands against a person, whatever else they lack: `gateRefusal` gives one reason, and an
 * identity that is not approved comes before a restriction. Ask this where a restriction has to be acted on.
 */
export function isRestricted(gate: Gate | undefined, move: MoneyMove): boolean {
  return (
    gate === undefined ||
    isShutOut(gate) ||
    gate.screening === 'confirmed' ||
    !restrictionAllows(gate.restriction, move)
  );
}

function isShutOut({ userStatus }: Gate): boolean {
  return userStatus === 'suspended' || userStatus === 'closed';
}

function restrictionAllows(restriction: Gate['restriction'], move: MoneyMove): boolean {
  switch (restriction) {
    case 'none':
      return true;
    case 'no_out':
      return move !== 'money_out';
    case 'reduce_only':
      return move === 'money_in' || move === 'reduce';
    case 'frozen':
      return false;
    default:
      return false;
  }
}
