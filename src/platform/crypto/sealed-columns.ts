/**
 * Which columns are sealed, under whose key, and what their ciphertext is bound to. Rotation, the tests of
 * binding and the data inventory read it; a test holds it against the catalogue, so that none is forgotten.
 */
import type { Domain } from '../domain.ts';
import type { Place } from './seal.ts';

export type SealedColumn = {
  readonly table: string;
  readonly column: string;
  /** The columns whose values, with a blank between, are the row in its place; their order is an index's. */
  readonly rowId: Readonly<Record<string, 'uuid' | 'text'>>;
  /** The column that names the person whose key it is; null for the house's. */
  readonly person: string | null;
  /** The column that names whose key it is where `person` is null, if that person has one. */
  readonly orPerson?: string;
  /** Where there is no person, the house's key seals it. */
  readonly orHouse?: true;
  /** Evidence that is never rewritten: it stays under the key it was sealed with, which is kept for it. */
  readonly fixed?: true;
};

/** What the platform itself seals. */
const PLATFORM_COLUMNS: readonly SealedColumn[] = [
  {
    table: 'audit_logs',
    column: 'personal',
    rowId: { id: 'uuid' },
    person: 'actor_user_id',
    orPerson: 'subject_user_id',
    orHouse: true,
    fixed: true,
  },
  {
    table: 'idempotency_keys',
    column: 'body',
    rowId: { scope_id: 'uuid', method: 'text', path: 'text', key: 'text' },
    person: 'user_id',
  },
  { table: 'legal_holds', column: 'reference', rowId: { id: 'uuid' }, person: null },
  { table: 'legal_holds', column: 'reason', rowId: { id: 'uuid' }, person: null },
];

/** Every sealed column of the platform and of the domains that are there; what root keys wrap stands apart. */
export function sealedColumns(domains: readonly Domain[]): readonly SealedColumn[] {
  return [...PLATFORM_COLUMNS, ...domains.flatMap((domain) => domain.sealedColumns ?? [])];
}

/** What a value of this column is bound to. @shape values: those of `rowId`, in its order */
export function placeIn(column: SealedColumn, values: readonly string[]): Place {
  return { table: column.table, column: column.column, rowId: values.join(' ') };
}
