import { APPLICATION_EVENTS } from './applications/audit.ts';
import { DOCUMENT_EVENTS } from './documents/audit.ts';
import { PROVIDER_EVENTS } from './providers/audit.ts';
import { REVIEW_EVENTS } from './review/audit.ts';
import { CUSTOMER_REVIEW_EVENTS } from './reviews/audit.ts';
import { RISK_EVENTS } from './risk/audit.ts';

/** What KYC records. */
export const KYC_EVENTS = {
  ...APPLICATION_EVENTS,
  ...DOCUMENT_EVENTS,
  ...REVIEW_EVENTS,
  ...RISK_EVENTS,
  ...PROVIDER_EVENTS,
  ...CUSTOMER_REVIEW_EVENTS,
};
