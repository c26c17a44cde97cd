import { and, asc, eq, gte, inArray, lte, sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { type Instant, parseInstant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { GoamlSettings } from '../../../platform/http/goaml.ts';
import type { AccountFact, HoldingFact, PartyFact, RateFact } from '../../../platform/report-facts.ts';
import { profilesOf } from '../../identity/index.ts';
import { declaredBy, screenedByLists } from '../../kyc/index.ts';
import { amlCaseSubjects } from '../cases/schema.ts';
import { refuseAml } from '../errors.ts';
import { monitoredActivity } from '../monitoring/schema.ts';
import { LOCAL_CURRENCY, type ReportedActivity, type ReportSources } from './goaml/build-report.ts';
import type { Client } from './goaml/client-nodes.ts';
import { MAX_TRANSACTIONS } from './goaml/structure.ts';
import { reportReference } from './report-rules.ts';
import type { ReportContent, Selection, SuspiciousReport } from './report-store.ts';
import { suspiciousReports } from './schema.ts';

/** Money that moved; orders and trades are told of in words. */
const MONEY = ['deposit', 'withdrawal_requested', 'transfer'] as const;

/** So many are read and opened at once; between two parts the process serves whatever else there is. */
const PART = 500;

/**
 * Opens everything a report names: the people of its case, what they moved, and who stood on the other side. The
 * caller records that it was opened.
 * @errors report_too_long, report_activity_unknown
 */
export async function sourcesOf(
  tx: Tx,
  ctx: Ctx,
  settings: GoamlSettings,
  report: SuspiciousReport,
  content: ReportContent,
): Promise<ReportSources> {
  const people = await tx
    .select({ userId: amlCaseSubjects.userId })
    .from(amlCaseSubjects)
    .where(eq(amlCaseSubjects.caseId, report.caseId))
    .orderBy(asc(amlCaseSubjects.addedAt), asc(amlCaseSubjects.userId));
  const userIds = people.map(({ userId }) => userId);
  const activities = await activitiesOf(tx, userIds, report.selection as Selection);
  const accounts: AccountFact[] = [];
  const holdings: HoldingFact[] = [];
  const parties: PartyFact[] = [];
  const rates: RateFact[] = [];
  const assets = new Set(activities.map(({ asset }) => asset));
  assets.delete(LOCAL_CURRENCY);
  for (const facts of ctx.deps.reportFacts) {
    accounts.push(...((await facts.accounts?.(tx, ctx, userIds)) ?? []));
    holdings.push(...((await facts.holdings?.(tx, ctx, userIds)) ?? []));
    rates.push(...((await facts.rates?.(tx, ctx, LOCAL_CURRENCY, [...assets].sort())) ?? []));
    for (const source of new Set(activities.map((activity) => activity.source))) {
      const ids = activities.filter((one) => one.source === source).map(({ sourceId }) => sourceId);
      for (let start = 0; start < ids.length; start += PART) {
        parties.push(...((await facts.parties?.(tx, ctx, source, ids.slice(start, start + PART))) ?? []));
      }
    }
  }
  return {
    settings,
    report: {
      reference: reportReference(report),
      code: report.reportCode,
      submittedAt: ctx.deps.clock.now(),
      amends: await amendedReference(tx, report.amendsId),
      narrative: content.narrative,
      action: content.action,
      indicators: report.indicators,
    },
    clients: await clientsOf(tx, ctx, userIds),
    accounts: new Map(accounts.map((account) => [account.id, account])),
    holdings,
    activities,
    parties: new Map(parties.map((party) => [`${party.source} ${party.sourceId}`, party])),
    rates,
    localAmounts: content.localAmounts,
  };
}

/** @errors report_too_long, report_activity_unknown */
async function activitiesOf(
  tx: Tx,
  userIds: readonly Id[],
  selection: Selection,
): Promise<readonly ReportedActivity[]> {
  const { activityIds, from, to } = selection;
  const isNothing = activityIds === undefined && from === undefined && to === undefined;
  if (userIds.length === 0 || isNothing || activityIds?.length === 0) {
    return [];
  }
  const found: ReportedActivity[] = [];
  let part: readonly ReportedActivity[];
  do {
    part = await activitiesAfter(tx, userIds, selection, found.at(-1));
    found.push(...part);
  } while (part.length === PART && found.length <= MAX_TRANSACTIONS);
  if (found.length > MAX_TRANSACTIONS) {
    throw refuseAml('report_too_long', {
      detail: `A report tells of ${MAX_TRANSACTIONS} transactions at most.`,
    });
  }
  const known = new Set(found.map(({ id }) => id));
  if (activityIds?.some((id) => !known.has(id)) === true) {
    throw refuseAml('report_activity_unknown');
  }
  return found;
}

/** The next of them, oldest first. */
async function activitiesAfter(
  tx: Tx,
  userIds: readonly Id[],
  { activityIds, from, to }: Selection,
  last: ReportedActivity | undefined,
): Promise<readonly ReportedActivity[]> {
  const { occurredAt, id } = monitoredActivity;
  const rows = await tx
    .select()
    .from(monitoredActivity)
    .where(
      and(
        inArray(monitoredActivity.userId, [...userIds]),
        inArray(monitoredActivity.kind, [...MONEY]),
        activityIds === undefined ? undefined : inArray(id, [...activityIds]),
        from === undefined ? undefined : gte(occurredAt, parseInstant(from)),
        to === undefined ? undefined : lte(occurredAt, parseInstant(to)),
        last === undefined
          ? undefined
          : sql`(${occurredAt}, ${id}) > (${last.occurredAt}::timestamptz, ${last.id}::uuid)`,
      ),
    )
    .orderBy(asc(occurredAt), asc(id))
    .limit(PART);
  return rows.map((row) => ({
    id: row.id,
    source: row.source,
    sourceId: row.sourceId,
    kind: row.kind as ReportedActivity['kind'],
    userId: row.userId,
    accountId: row.accountId,
    occurredAt: row.occurredAt as Instant,
    asset: present(row.asset, 'money has an asset'),
    amount: present(row.amount, 'money has an amount'),
    counterpartyCountry: row.counterpartyCountry,
    toAccountId: (row.data.toAccountId ?? null) as Id | null,
  }));
}

async function amendedReference(tx: Tx, amendsId: Id | null): Promise<string | null> {
  if (amendsId === null) {
    return null;
  }
  const [original] = await tx
    .select({ fiuReference: suspiciousReports.fiuReference })
    .from(suspiciousReports)
    .where(eq(suspiciousReports.id, amendsId));
  return present(original?.fiuReference, 'what is amended was filed');
}

/** What people declared of themselves, as it was handed in, else what their profile says. */
async function clientsOf(tx: Tx, ctx: Ctx, userIds: readonly Id[]): Promise<ReadonlyMap<Id, Client>> {
  const profiles = await profilesOf(tx, ctx, userIds);
  const declared = await declaredBy(tx, ctx, userIds);
  const handedIn = await screenedByLists(tx, ctx, userIds);
  return new Map(
    [...profiles].map(([userId, profile]): [Id, Client] => {
      const said = declared.get(userId);
      const known = said?.declaration ?? profile;
      const company = said?.company ?? null;
      return [
        userId,
        {
          userId,
          firstName: known.firstName,
          lastName: known.lastName,
          gender: known.gender ?? profile.gender,
          birthDate: known.birthDate ?? profile.birthDate,
          birthPlace: profile.birthPlace,
          nationality: known.nationality ?? profile.nationality,
          address: known.address ?? profile.address,
          occupation: known.occupation ?? profile.occupation,
          sourceOfFunds: said?.declaration?.sourceOfFunds,
          identifiers: handedIn.get(userId)?.documents ?? [],
          company:
            company === null
              ? null
              : {
                  name: company.legalName,
                  number: company.registrationNumber,
                  country: company.country,
                },
        },
      ];
    }),
  );
}
