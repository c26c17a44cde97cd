import type { SealedColumn } from '../../platform/crypto/sealed-columns.ts';

/** What this domain seals: payees and payers under the customer's key, what banks send under the house's. */
export const fundingSealedColumns: readonly SealedColumn[] = [
  { table: 'deposits', column: 'payer', rowId: { id: 'uuid' }, person: 'user_id' },
  { table: 'beneficiaries', column: 'label', rowId: { id: 'uuid' }, person: 'user_id' },
  { table: 'beneficiaries', column: 'destination', rowId: { id: 'uuid' }, person: 'user_id' },
  { table: 'withdrawals', column: 'destination', rowId: { id: 'uuid' }, person: 'user_id' },
  { table: 'withdrawals', column: 'travel_rule', rowId: { id: 'uuid' }, person: 'user_id' },
  { table: 'custody_reports', column: 'content', rowId: { id: 'uuid' }, person: null, fixed: true },
  { table: 'bank_statements', column: 'content', rowId: { id: 'uuid' }, person: null, fixed: true },
  { table: 'bank_statement_lines', column: 'counterparty', rowId: { id: 'uuid' }, person: null, fixed: true },
  { table: 'inbound_events', column: 'payload', rowId: { id: 'uuid' }, person: null, fixed: true },
];
