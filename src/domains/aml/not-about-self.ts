import { isNull, ne, or, type SQL } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import { personOf } from '../../kernel/actor.ts';
import type { Ctx } from '../../platform/context.ts';

/** Staff who are customers too must not learn what is kept on themselves (no tipping off). */
export function notAboutSelf(ctx: Ctx, subject: PgColumn): SQL | undefined {
  const personId = personOf(ctx.actor);
  return personId === null ? undefined : or(isNull(subject), ne(subject, personId));
}
