/**
 * Puts on record whom staff saw: one row per person and request, committed before the answer leaves, so
 * that an answer without its record does not exist. People are found by what names them in the request
 * and the answer; operations that record for themselves say so and are held to it by the coverage test.
 */
import { personOf } from '../../kernel/actor.ts';
import { type Id, isId } from '../../kernel/id.ts';
import { READ_EVENTS } from '../audit/read-events.ts';
import { recordMany } from '../audit/record.ts';
import type { Ctx } from '../context.ts';
import { transact } from '../db/transact.ts';

/** Members of requests and answers that name a person, or something of a person's. */
const NAMING = new Set([
  'userId',
  'subjectUserId',
  'subjectId',
  'scopeId',
  'ownerId',
  'debtor',
  'accountId',
  'fromAccountId',
  'toAccountId',
  'walletId',
  'depositId',
  'withdrawalId',
  'orderId',
  'caseId',
]);

export type Seen = {
  readonly operationId: string;
  readonly restricted: boolean;
  /** Path parameters and query; every id among them may name a person. */
  readonly asked: readonly unknown[];
  /** The answer, where it is not a stream. */
  readonly body: unknown;
};

/**
 * Records which people one of the staff saw in an answer.
 * @effects a row of `audit_logs` per person, in a transaction of their own
 */
export async function recordSeen(ctx: Ctx, seen: Seen): Promise<void> {
  const ids = idsIn(seen);
  if (ids.length === 0) {
    return;
  }
  const event = READ_EVENTS[seen.restricted ? 'restricted_record.read' : 'person_record.read'];
  const self = personOf(ctx.actor);
  await transact(ctx, ctx.login, async (tx) => {
    const people = new Set<Id>();
    for (const peopleBehind of ctx.deps.privacy.peopleBehind) {
      for (const person of await peopleBehind(tx, ids)) {
        people.add(person);
      }
    }
    await recordMany(
      tx,
      ctx,
      [...people]
        .filter((person) => person !== self)
        .sort()
        .map((person) => ({
          event,
          resource: { type: 'user', id: person },
          subjectUserId: person,
          after: { operation: seen.operationId },
        })),
    );
  });
}

function idsIn({ asked, body }: Seen): readonly Id[] {
  const ids = new Set<Id>();
  for (const value of asked.flatMap((part) => Object.values(part ?? {}))) {
    if (typeof value === 'string' && isId(value)) {
      ids.add(value as Id);
    }
  }
  collect(body, ids);
  return [...ids];
}

function collect(value: unknown, ids: Set<Id>): void {
  if (typeof value !== 'object' || value === null) {
    return;
  }
  for (const [name, member] of Object.entries(value)) {
    if (typeof member !== 'string') {
      collect(member, ids);
    } else if (NAMING.has(name) && isId(member)) {
      ids.add(member as Id);
    }
  }
}
