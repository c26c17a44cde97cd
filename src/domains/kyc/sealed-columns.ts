import type { SealedColumn } from '../../platform/crypto/sealed-columns.ts';

/** What this domain seals in the database; the content of a document is sealed in its file. */
export const kycSealedColumns: readonly SealedColumn[] = [
  { table: 'kyc_applications', column: 'declaration', rowId: { id: 'uuid' }, person: 'user_id' },
  { table: 'kyc_documents', column: 'number', rowId: { id: 'uuid' }, person: 'user_id' },
];
