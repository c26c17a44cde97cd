import { personOf } from '../../kernel/actor.ts';
import { type Id, isId } from '../../kernel/id.ts';
import { type Change, recordMany } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { AUDIT_EVENTS } from './audit.ts';

/**
 * Puts on record of whom the log told: one row for each person, but for the reader.
 * @effects audit `audit_log.person_read`
 */
export async function tellReads(
  tx: Tx,
  ctx: Ctx,
  people: Iterable<string | null>,
  { resource, after }: Pick<Change, 'resource' | 'after'>,
): Promise<void> {
  const self = personOf(ctx.actor);
  const told = [...new Set(people)].flatMap((person) =>
    person === null || person === self ? [] : [person as Id],
  );
  await recordMany(
    tx,
    ctx,
    told.toSorted().map((person) => ({
      event: AUDIT_EVENTS['audit_log.person_read'],
      resource,
      subjectUserId: person,
      after,
    })),
  );
}

/** The people whom, or whose things, these values name. */
export async function peopleNamed(
  tx: Tx,
  ctx: Ctx,
  values: readonly (string | undefined)[],
): Promise<readonly Id[]> {
  const ids = values.filter((value) => value !== undefined && isId(value)) as Id[];
  const found: Id[] = [];
  for (const peopleBehind of ids.length === 0 ? [] : ctx.deps.privacy.peopleBehind) {
    found.push(...(await peopleBehind(tx, ids)));
  }
  return found;
}
