import { and, inArray, isNotNull } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import type { Id } from '../../kernel/id.ts';
import type { PeopleBehind } from '../domain.ts';

/** Finds the people of rows by their ids. */
export function peopleBehind(table: PgTable, id: PgColumn, person: PgColumn): PeopleBehind {
  return async (tx, ids) => {
    const rows = await tx
      .selectDistinct({ person })
      .from(table)
      .where(and(inArray(id, [...ids]), isNotNull(person)));
    return rows.map((row) => row.person as Id);
  };
}
