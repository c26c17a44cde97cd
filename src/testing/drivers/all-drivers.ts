import { amlCaseDrivers } from './aml-cases.ts';
import { amlListDrivers } from './aml-lists.ts';
import { amlMonitoringDrivers } from './aml-monitoring.ts';
import { amlReportDrivers } from './aml-reports.ts';
import { amlScreeningDrivers } from './aml-screening.ts';
import { amlVendorDrivers } from './aml-vendors.ts';
import { archiveDrivers } from './archives.ts';
import { auditDrivers } from './audit.ts';
import { auditExportDrivers } from './audit-exports.ts';
import { bookDrivers } from './books.ts';
import { breakGlassDrivers } from './break-glass.ts';
import { conversionDrivers } from './conversions.ts';
import { depositEvidenceDrivers } from './deposits.ts';
import type { Drivers } from './driver.ts';
import { factorDrivers } from './factors.ts';
import { holdDrivers } from './holds.ts';
import { keyDrivers } from './keys.ts';
import { kycApplicationDrivers } from './kyc-applications.ts';
import { kycRiskDrivers } from './kyc-risk.ts';
import { marginDrivers } from './margin.ts';
import { marketDrivers, orderDrivers } from './markets.ts';
import { accountDrivers, depositDrivers, ledgerDrivers, withdrawalDrivers } from './money.ts';
import { orderSurfaceDrivers } from './order-surface.ts';
import { payoutDrivers } from './payouts.ts';
import { approvalDrivers, meDrivers, signInDrivers, staffDrivers } from './people.ts';
import { positionDrivers } from './positions.ts';
import { priceDrivers } from './prices.ts';
import { privacyDrivers } from './privacy.ts';
import { reconciliationDrivers } from './reconciliation.ts';
import { recoveryDrivers } from './recovery.ts';
import { retentionDrivers } from './retention.ts';
import { riskDrivers } from './risk.ts';
import { sessionDrivers } from './sessions.ts';
import { takeoverDrivers } from './takeovers.ts';
import { tradingFeeDrivers } from './trading-fees.ts';
import { transferDrivers } from './transfers.ts';
import { venueDrivers } from './venues.ts';
import { watchingDrivers } from './watching.ts';

/** How each operation is brought to success; an operation without a driver fails the coverage tests. */
export const allDrivers: Drivers = {
  ...approvalDrivers,
  ...signInDrivers,
  ...breakGlassDrivers,
  ...meDrivers,
  ...factorDrivers,
  ...keyDrivers,
  ...sessionDrivers,
  ...staffDrivers,
  ...privacyDrivers,
  ...accountDrivers,
  ...ledgerDrivers,
  ...transferDrivers,
  ...bookDrivers,
  ...holdDrivers,
  ...conversionDrivers,
  ...kycApplicationDrivers,
  ...amlScreeningDrivers,
  ...amlListDrivers,
  ...amlCaseDrivers,
  ...amlMonitoringDrivers,
  ...amlVendorDrivers,
  ...amlReportDrivers,
  ...kycRiskDrivers,
  ...marketDrivers,
  ...riskDrivers,
  ...depositDrivers,
  ...depositEvidenceDrivers,
  ...withdrawalDrivers,
  ...payoutDrivers,
  ...reconciliationDrivers,
  ...recoveryDrivers,
  ...orderDrivers,
  ...orderSurfaceDrivers,
  ...positionDrivers,
  ...marginDrivers,
  ...tradingFeeDrivers,
  ...auditDrivers,
  ...auditExportDrivers,
  ...retentionDrivers,
  ...archiveDrivers,
  ...takeoverDrivers,
  ...venueDrivers,
  ...watchingDrivers,
  ...priceDrivers,
};
