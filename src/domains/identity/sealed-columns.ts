import type { SealedColumn } from '../../platform/crypto/sealed-columns.ts';

/** What this domain seals, all of it under the key of the person it is about. */
export const identitySealedColumns: readonly SealedColumn[] = [
  { table: 'users', column: 'email', rowId: { id: 'uuid' }, person: 'id' },
  { table: 'users', column: 'phone', rowId: { id: 'uuid' }, person: 'id' },
  { table: 'users', column: 'profile', rowId: { id: 'uuid' }, person: 'id' },
  { table: 'sessions', column: 'client', rowId: { id: 'uuid' }, person: 'user_id' },
  { table: 'totp_secrets', column: 'secret', rowId: { user_id: 'uuid' }, person: 'user_id' },
  { table: 'user_settings', column: 'value', rowId: { user_id: 'uuid', name: 'text' }, person: 'user_id' },
  {
    table: 'agreement_acceptances',
    column: 'client',
    rowId: { user_id: 'uuid', agreement_id: 'uuid' },
    person: 'user_id',
    fixed: true,
  },
];
