import type { SealedColumn } from '../../../platform/crypto/sealed-columns.ts';

/** What screening seals: whom a screening was about, and why a name resembles them. */
export const screeningSealedColumns: readonly SealedColumn[] = [
  {
    table: 'screenings',
    column: 'subject',
    rowId: { id: 'uuid' },
    person: 'user_id',
    orHouse: true,
    fixed: true,
  },
  {
    table: 'screening_matches',
    column: 'explanation',
    rowId: { id: 'uuid' },
    person: '(select user_id from screenings where screenings.id = screening_id)',
    orHouse: true,
    fixed: true,
  },
];
