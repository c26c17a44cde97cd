import type { SealedColumn } from '../../../platform/crypto/sealed-columns.ts';

const person = '(select user_id from aml_cases where aml_cases.id = case_id)';
const rowId = { id: 'uuid' } as const;

/** What cases seal: what people wrote, and what the files were called. */
export const caseSealedColumns: readonly SealedColumn[] = [
  { table: 'aml_case_events', column: 'body', rowId, person, orHouse: true, fixed: true },
  { table: 'aml_case_files', column: 'name', rowId, person, orHouse: true, fixed: true },
];
