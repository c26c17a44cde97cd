/**
 * The figures reconciliation goes by. They are this firm's assumptions, not the law's words: a firm changes
 * them with a release.
 */

/** A booking the bank has not shown for longer is a break. @units days */
export const BOOKED_DAYS = 3;

/**
 * What a provider, a venue or the counterparty of contracts has not paid over for longer is missing: a break, and no
 * resource of the client-money position.
 * @units days
 */
export const IN_TRANSIT_MAX_DAYS = 5;

/** Work of statements and providers that nobody ended for longer raises an alarm. @units days */
export const OPEN_WORK_DAYS = 3;

/** How far apart an amount may lie in the books and on the statement to be taken for the same. @units days */
export const MATCH_WINDOW_DAYS = 5;

/**
 * A custodian's report may be this old.
 * @units days
 * @source virtual assets with a custodian are reconciled at least every two months
 */
export const CUSTODY_REPORT_MAX_DAYS = 61;

/** When a balance without a movement of its customer's own is idle, dormant, unclaimed. @units days */
export const QUIET_DAYS = { idle: 365, dormant: 730, unclaimed: 2555 } as const;

/** A run nobody signed for longer raises an alarm. @units days */
export const SIGN_OFF_DAYS = 3;

/** Breaks of one check, and items of one bank account, that a run keeps one by one. */
export const MAX_KEPT = 1000;

/** Alarms one run raises; the rest are in the list and counted in the last one. */
export const MAX_ALARMS = 25;

/** What the report of a run says it went by. @units days; of `maxKept` items */
export type ReportFigures = {
  readonly bookedDays: number;
  readonly inTransitMaxDays: number;
  readonly custodyReportMaxDays: number;
  readonly quietDays: Readonly<Record<keyof typeof QUIET_DAYS, number>>;
  readonly maxKept: number;
};

/** Kept with each run, so that a release which changes one leaves the reports of before as they were signed. */
export const FIGURES: ReportFigures = {
  bookedDays: BOOKED_DAYS,
  inTransitMaxDays: IN_TRANSIT_MAX_DAYS,
  custodyReportMaxDays: CUSTODY_REPORT_MAX_DAYS,
  quietDays: QUIET_DAYS,
  maxKept: MAX_KEPT,
};

/** What runs went by that kept no figures. Never changed: their reports are signed. */
export const FIRST_FIGURES: ReportFigures = {
  bookedDays: 3,
  inTransitMaxDays: 5,
  custodyReportMaxDays: 61,
  quietDays: { idle: 365, dormant: 730, unclaimed: 2555 },
  maxKept: 1000,
};
