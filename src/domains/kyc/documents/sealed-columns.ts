import type { SealedColumn } from '../../../platform/crypto/sealed-columns.ts';

/** What a document seals in the database; its content is sealed in its file. */
export const documentSealedColumns: readonly SealedColumn[] = [
  { table: 'kyc_documents', column: 'number', rowId: { id: 'uuid' }, person: 'user_id' },
  { table: 'kyc_documents', column: 'mrz', rowId: { id: 'uuid' }, person: 'user_id' },
];
