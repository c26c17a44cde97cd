import type { SealedColumn } from '../../../platform/crypto/sealed-columns.ts';

/** What a rating seals. */
export const riskSealedColumns: readonly SealedColumn[] = [
  { table: 'kyc_risk_ratings', column: 'inputs', rowId: { id: 'uuid' }, person: 'user_id', fixed: true },
];
