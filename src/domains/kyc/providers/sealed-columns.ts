import type { SealedColumn } from '../../../platform/crypto/sealed-columns.ts';

/** What a provider's session seals. */
export const providerSealedColumns: readonly SealedColumn[] = [
  { table: 'kyc_provider_sessions', column: 'url', rowId: { id: 'uuid' }, person: 'user_id' },
  { table: 'kyc_provider_sessions', column: 'decision', rowId: { id: 'uuid' }, person: 'user_id' },
];
