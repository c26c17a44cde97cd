import type { SealedColumn } from '../../../platform/crypto/sealed-columns.ts';

/** What an application seals. */
export const applicationSealedColumns: readonly SealedColumn[] = [
  { table: 'kyc_applications', column: 'declaration', rowId: { id: 'uuid' }, person: 'user_id' },
  { table: 'kyc_applications', column: 'company', rowId: { id: 'uuid' }, person: 'user_id' },
  { table: 'kyc_applications', column: 'handed_in', rowId: { id: 'uuid' }, person: 'user_id' },
  { table: 'kyc_parties', column: 'details', rowId: { id: 'uuid' }, person: 'user_id' },
  { table: 'kyc_declarations', column: 'content', rowId: { id: 'uuid' }, person: 'user_id', fixed: true },
  { table: 'kyc_application_events', column: 'note', rowId: { id: 'uuid' }, person: 'user_id', fixed: true },
];
