import type { Domain } from '../../platform/domain.ts';
import { joinParts } from '../../platform/domain-part.ts';
import { alertsPart } from './alerts/part.ts';
import { AML_EVENTS } from './audit.ts';
import { casesPart } from './cases/part.ts';
import { listsPart } from './lists/part.ts';
import { monitoringPart } from './monitoring/part.ts';
import { personalAml } from './personal-data.ts';
import { reportsPart } from './reports/part.ts';
import { rescreeningPart } from './rescreening/part.ts';
import { screeningPart } from './screening/part.ts';
import { vendorsPart } from './vendors/part.ts';
import { whitelistPart } from './whitelist/part.ts';

export { noteMoneyInFlight } from './cases/note-money-in-flight.ts';
export { screeningAlgorithm } from './config.ts';
export { createList } from './create-list.ts';
export { openDisputeAlert } from './dispute-alert.ts';
export { importList } from './import-list.ts';
export { FORMATS_OF, type ListKind, partsOf } from './lists/parse-list.ts';
export type { ListVersion } from './lists/store-version.ts';
export { monitorCredit, monitorMoney } from './monitoring/monitor-money.ts';
export { observedHolidays } from './reports/holidays.ts';
export { freshenScreenings, isFreshlyScreened } from './rescreening/fresh-screening.ts';
export { clearedScreenings, everMatched, screenPayee, screenRepaid, screenUser } from './screen.ts';
export { refreshScreener, startScreener } from './screener.ts';
export { activeConfig } from './screening/config-store.ts';
export { openThirdPartyAlert } from './third-party-payer.ts';

/** The front door of AML. Nothing of it is in a customer's export (no tipping off). */
export const amlDomain: Domain = {
  name: 'aml',
  auditEvents: Object.values(AML_EVENTS),
  ...joinParts([
    { personalData: [personalAml] },
    screeningPart,
    listsPart,
    alertsPart,
    whitelistPart,
    casesPart,
    reportsPart,
    rescreeningPart,
    monitoringPart,
    vendorsPart,
  ]),
};
