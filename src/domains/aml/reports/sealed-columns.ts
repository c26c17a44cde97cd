import type { SealedColumn } from '../../../platform/crypto/sealed-columns.ts';

const rowId = { id: 'uuid' } as const;

/** What reports seal: what is told to the authorities, and why it was or was not. */
export const reportSealedColumns: readonly SealedColumn[] = [
  { table: 'sanctions_notices', column: 'content', rowId, person: null },
  // A report stays as it was decided on, byte by byte, under the key of the person it is about.
  { table: 'suspicious_reports', column: 'content', rowId, person: 'user_id', orHouse: true, fixed: true },
  {
    table: 'suspicious_reports',
    column: 'decision_reason',
    rowId,
    person: 'user_id',
    orHouse: true,
    fixed: true,
  },
];
