import { z } from '@hono/zod-openapi';
import { instantInput, wireId, wireInstant } from '../../../platform/http/wire.ts';

const count = z.number().int();
const orNull = <Schema extends z.ZodType>(schema: Schema) => z.union([schema, z.null()]);

const Named = z.object({ name: z.string(), count }).openapi('NamedCount');

const Closed = z
  .object({
    name: z.string(),
    closed: count,
    trueMatch: count,
    falsePositive: count,
    /** Their share of what was closed. */
    falsePositiveBps: count,
  })
  .openapi('ClosedCount');

const Work = z
  .object({
    open: count,
    /** Those that keep somebody's money waiting. */
    stopping: count,
    unassigned: count,
    overdue: count,
    ages: z.object({ underOneDay: count, underOneWeek: count, older: count }).openapi('AlertAges'),
    bySeverity: z.array(Named),
    byKind: z.array(Named),
  })
  .openapi('AlertFigures');

const List = z
  .object({
    id: wireId,
    name: z.string(),
    kind: z.string(),
    purpose: z.string(),
    entities: orNull(count),
    importedAt: orNull(wireInstant),
    /** How long ago its publisher was last known to publish what is active. */
    confirmedHoursAgo: orNull(count),
    isStale: z.boolean(),
    failedFetches: count,
    /** Versions that two people have to let through. */
    versionsWaiting: count,
  })
  .openapi('ListFigures');

const Customers = z
  .object({
    byLevel: z.array(Named),
    /** Approved, and without a rating. */
    unrated: count,
    eddRequired: count,
    politicallyExposed: count,
    dormant: count,
    reviews: z.array(z.object({ name: z.string(), open: count, overdue: count }).openapi('ReviewFigures')),
    applications: z.object({ waiting: count, overdue: count }).openapi('ApplicationFigures'),
  })
  .openapi('CustomerFigures');

const Standing = z.object({ standing: count, endingWithin30Days: count }).openapi('StandingFigures');

export const Dashboard = z
  .object({
    at: wireInstant,
    alerts: Work,
    cases: z
      .object({ byStatus: z.array(Named), overdue: count, suspicionsWithoutReport: count })
      .openapi('CaseFigures'),
    /** The clocks of reports to the FIU. */
    reports: z
      .object({ byStatus: z.array(Named), running: count, overdue: count, nextDueAt: orNull(wireInstant) })
      .openapi('ReportFigures'),
    /** The clocks of sanctions notices. */
    notices: z
      .object({ running: count, overdue: count, nextDueAt: orNull(wireInstant), sent: count })
      .openapi('NoticeFigures'),
    closings: z
      .object({
        days: count,
        medianHours: orNull(count),
        byKind: z.array(Closed),
        byRule: z.array(Closed),
        byList: z.array(Closed),
      })
      .openapi('ClosingFigures'),
    lists: z.array(List),
    rescreening: z
      .object({
        newestRun: orNull(
          z
            .object({
              id: wireId,
              cause: z.string(),
              status: z.string(),
              total: count,
              done: count,
              hits: count,
            })
            .openapi('RunFigures'),
        ),
        peopleScreened: count,
        peopleDue: count,
      })
      .openapi('RescreeningFigures'),
    customers: Customers,
    gates: z
      .object({
        screeningOpen: count,
        screeningConfirmed: count,
        restricted: z.array(
          z
            .object({ restriction: z.string(), cause: z.string(), customers: count })
            .openapi('RestrictionFigures'),
        ),
      })
      .openapi('GateFigures'),
    standing: z.object({ snoozes: Standing, whitelist: Standing }).openapi('LetPassFigures'),
    vendor: z.object({ waiting: count, failing: count, abandoned: count }).openapi('VendorFigures'),
    /** Years in which deadlines come too early, since nobody entered the holidays that move. */
    yearsWithoutMovableHolidays: z.array(count),
  })
  .openapi('AmlDashboard');

export const annualParams = z.object({
  year: z
    .string()
    .regex(/^20\d{2}$/, 'must be a year from 2000 to 2099')
    .transform((text) => Number.parseInt(text, 10))
    .openapi({ type: 'string', example: '2026' }),
});

export const annualQuery = z.strictObject({ until: instantInput.optional() });

export const AnnualReportBody = z
  .object({
    year: count,
    timeZone: z.string(),
    from: wireInstant,
    to: wireInstant,
    /** Nothing that was written down later is counted. */
    until: wireInstant,
    sha256: z.string(),
    figures: z.array(
      z
        .object({ section: z.string(), figure: z.string(), by: orNull(z.string()), count })
        .openapi('AnnualFigure'),
    ),
  })
  .openapi('AmlAnnualReport');
