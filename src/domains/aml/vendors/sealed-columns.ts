import type { SealedColumn } from '../../../platform/crypto/sealed-columns.ts';

/** What a vendor's answer seals. */
export const vendorSealedColumns: readonly SealedColumn[] = [
  {
    table: 'vendor_results',
    column: 'answer',
    rowId: { id: 'uuid' },
    person: 'user_id',
    orHouse: true,
    fixed: true,
  },
  {
    table: 'monitoring_vendor_results',
    column: 'answer',
    rowId: { id: 'uuid' },
    person: 'user_id',
    fixed: true,
  },
];
