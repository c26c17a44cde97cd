/** Why somebody may look at a person unmasked: a closed list, so that uses can be counted, and words. */
export const PURPOSES = [
  'kyc_review',
  'aml_investigation',
  'payment_check',
  'customer_request',
  'complaint',
  'fraud_or_security',
  'authority_request',
  'audit_or_legal',
] as const;

export type Purpose = {
  readonly purpose: (typeof PURPOSES)[number];
  /** The case at hand, in the words of who looks. */
  readonly reason: string;
};
