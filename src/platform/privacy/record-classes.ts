/**
 * The closed list of record classes with a retention of their own. Everything on a person is sealed under
 * one key, so a person is destroyed when the last class that holds something on them has run out.
 */

/** Every class that has a policy. */
export const RECORD_CLASSES = [
  'customer_file',
  'kyc_file',
  'transactions',
  'orders',
  'supervision',
  'audit_log',
] as const;

export type RecordClass = (typeof RECORD_CLASSES)[number];
