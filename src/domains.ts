/**
 * Every domain of the product, in dependency order, and the platform's own operations.
 */
import { accountsDomain } from './domains/accounts/index.ts';
import { amlDomain } from './domains/aml/index.ts';
import { auditDomain } from './domains/audit/index.ts';
import { eventsDomain } from './domains/events/index.ts';
import { fundingDomain } from './domains/funding/index.ts';
import { authenticate, identityDomain } from './domains/identity/index.ts';
import { kycDomain } from './domains/kyc/index.ts';
import { ledgerDomain } from './domains/ledger/index.ts';
import { marketsDomain } from './domains/markets/index.ts';
import { reportsDomain } from './domains/reports/index.ts';
import { riskDomain } from './domains/risk/index.ts';
import { tradingDomain } from './domains/trading/index.ts';
import { approvalEndpoints } from './platform/approvals/endpoints.ts';
import type { Domain } from './platform/domain.ts';
import type { Endpoint } from './platform/http/endpoint.ts';
import { healthEndpoints } from './platform/http/health.ts';
import { streamEndpoints } from './platform/stream/endpoints.ts';

export { authenticate };

export const allDomains: readonly Domain[] = [
  identityDomain,
  accountsDomain,
  eventsDomain,
  ledgerDomain,
  kycDomain,
  amlDomain,
  marketsDomain,
  riskDomain,
  fundingDomain,
  tradingDomain,
  reportsDomain,
  auditDomain,
];

export const platformEndpoints: readonly Endpoint[] = [
  ...healthEndpoints,
  ...approvalEndpoints,
  ...streamEndpoints,
];
