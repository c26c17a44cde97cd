import { and, asc, eq, gt, lte } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { SealError } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Job } from '../../../platform/domain.ts';
import { openAlert } from '../alerts/open-alert.ts';
import type { Reference } from '../monitoring/rule.ts';
import { activeRules } from '../monitoring/rule-store.ts';
import { monitoredActivity } from '../monitoring/schema.ts';
import { sizeBps } from '../monitoring/sizes.ts';
import { chosenMonitoringVendor } from './chosen-vendor.ts';
import type { ActivityQuery, AssessmentReply, MonitoringVendor } from './monitoring-vendor.ts';
import { passesByItself } from './pause-after.ts';
import { monitoringVendorRequests } from './schema.ts';
import { keepAssessment } from './settle-assessment.ts';
import { ABOUT_ACTIVITIES, abandon, postpone } from './waiting-request.ts';

type Asked = {
  readonly request: typeof monitoringVendorRequests.$inferSelect;
  readonly query: ActivityQuery;
};

type Told = Asked & { readonly reply: AssessmentReply; readonly latencyMs: number };

/** How many activities are asked about at once, a call each. */
const BATCH = 8;
/** How many times one run does so. */
const ROUNDS_MAX = 60;
/** From this many failures in a row somebody is told that the vendor does not answer. */
const OUTAGE_FAILURES = 5;

/** Asks the outside vendor about every activity whose time has come. */
export const askMonitoringVendorJob: Job = {
  name: 'aml.ask-monitoring-vendor',
  cron: '* * * * *',
  run: askDue,
};

async function askDue(ctx: Ctx): Promise<void> {
  const vendor = chosenMonitoringVendor(ctx.deps);
  for (let rounds = 0; vendor !== undefined && rounds < ROUNDS_MAX; rounds += 1) {
    const asked = await dueOf(ctx, vendor);
    if (asked === null || !(await askAbout(ctx, vendor, asked))) {
      return;
    }
  }
}

/** What is asked next; null where nothing is due. Whoever was erased meanwhile is not asked about. */
async function dueOf(ctx: Ctx, vendor: MonitoringVendor): Promise<readonly Asked[] | null> {
  return transact(ctx, 'engine', async (tx) => {
    if (await isLeftAlone(tx, ctx, vendor)) {
      return null;
    }
    const due = await tx
      .select({ request: monitoringVendorRequests, activity: monitoredActivity })
      .from(monitoringVendorRequests)
      .innerJoin(monitoredActivity, eq(monitoredActivity.id, monitoringVendorRequests.activityId))
      .where(
        and(
          eq(monitoringVendorRequests.vendor, vendor.name),
          eq(monitoringVendorRequests.status, 'waiting'),
          lte(monitoringVendorRequests.nextAt, ctx.deps.clock.realNow()),
        ),
      )
      .orderBy(asc(monitoringVendorRequests.nextAt), asc(monitoringVendorRequests.id))
      .limit(BATCH);
    if (due.length === 0) {
      return null;
    }
    const { reference } = await activeRules(tx);
    const asked: Asked[] = [];
    for (const { request, activity } of due) {
      const standing = await standingOf(tx, ctx, request.userId);
      if (standing === 'erased') {
        await abandon(tx, ctx, ABOUT_ACTIVITIES, request.id, 'erased');
      } else if (standing === 'unreadable') {
        await postpone(tx, ctx, ABOUT_ACTIVITIES, request.id, 'unreadable');
      } else {
        asked.push({ request, query: queryOf(ctx, vendor, activity, reference) });
      }
    }
    return asked;
  });
}

/** Whether the person's key can be had: one who cannot be read keeps nobody else from being asked about. */
async function standingOf(tx: Tx, ctx: Ctx, userId: Id): Promise<'readable' | 'erased' | 'unreadable'> {
  try {
    return (await ctx.deps.personKeys.find(tx, userId)) === undefined ? 'erased' : 'readable';
  } catch (error) {
    if (!(error instanceof SealError)) {
      throw error;
    }
    return 'unreadable';
  }
}

/**
 * What a vendor is asked about one activity. Persons and places are hashes of this vendor's own, so that what one
 * vendor holds says nothing beside what another holds.
 */
function queryOf(
  ctx: Ctx,
  { name }: MonitoringVendor,
  activity: typeof monitoredActivity.$inferSelect,
  reference: Reference,
): ActivityQuery {
  const { counterpartyIndex, kind, occurredAt, direction, asset, amount, counterpartyCountry } = activity;
  const refOf = (field: string, value: string) =>
    Buffer.from(ctx.deps.keyring.blindIndex(field, `${name}:${value}`))
      .toString('hex')
      .slice(0, 32);
  return {
    ref: activity.id,
    customerRef: refOf('aml.vendor_customer', activity.userId),
    counterpartyRef:
      counterpartyIndex === null
        ? null
        : refOf('aml.vendor_counterparty', Buffer.from(counterpartyIndex).toString('hex')),
    kind,
    occurredAt,
    direction,
    asset,
    amount,
    sizeBps: sizeBps(activity, reference),
    counterpartyCountry,
  };
}

/** A vendor that asked to be left alone is asked nothing until then, whichever node it told. */
async function isLeftAlone(tx: Tx, ctx: Ctx, vendor: MonitoringVendor): Promise<boolean> {
  const [told] = await tx
    .select({ id: monitoringVendorRequests.id })
    .from(monitoringVendorRequests)
    .where(
      and(
        eq(monitoringVendorRequests.vendor, vendor.name),
        eq(monitoringVendorRequests.status, 'waiting'),
        eq(monitoringVendorRequests.lastFailure, 'busy'),
        gt(monitoringVendorRequests.nextAt, ctx.deps.clock.realNow()),
      ),
    )
    .limit(1);
  return told !== undefined;
}

/**
 * A call for each of some activities. @effects as `keepAssessment`, `postpone`
 * @shape false where the vendor as a whole does not answer, and is asked nothing more now
 */
async function askAbout(ctx: Ctx, vendor: MonitoringVendor, asked: readonly Asked[]): Promise<boolean> {
  if (asked.length === 0) {
    return true;
  }
  const told = await Promise.all(
    asked.map(async (one): Promise<Told> => {
      const beganMs = ctx.deps.clock.realMs();
      const reply = await vendor.assess(ctx.deps, one.query);
      return { ...one, reply, latencyMs: Math.max(0, ctx.deps.clock.realMs() - beganMs) };
    }),
  );
  for (const one of told) {
    await settleOne(ctx, vendor, one);
  }
  const failures = told.flatMap(({ reply }) => (reply.ok ? [] : [reply.failure]));
  if (failures.length === 0) {
    return true;
  }
  ctx.deps.log.warn({ vendor: vendor.name, failure: failures[0] }, 'the monitoring vendor did not answer');
  return failures.length < told.length && !failures.some(passesByItself);
}

/** What cannot be kept comes again, and is given up in the end: it keeps nothing else from being kept. */
async function settleOne(ctx: Ctx, vendor: MonitoringVendor, told: Told): Promise<void> {
  try {
    await transact(ctx, 'engine', (tx) => settle(tx, ctx, vendor, told));
  } catch (error) {
    const { id } = told.request;
    const failure = error instanceof Error ? error.name : 'unknown';
    ctx.deps.log.error({ vendor: vendor.name, id, failure }, 'an assessment could not be kept');
    await transact(ctx, 'engine', (tx) => postpone(tx, ctx, ABOUT_ACTIVITIES, id, 'malformed'));
  }
}

async function settle(tx: Tx, ctx: Ctx, vendor: MonitoringVendor, told: Told): Promise<void> {
  const { request, reply, latencyMs } = told;
  if (reply.ok) {
    const { assessment } = reply;
    await keepAssessment(tx, ctx, { vendor, requestId: request.id, assessment, latencyMs });
    return;
  }
  await postpone(tx, ctx, ABOUT_ACTIVITIES, request.id, reply.failure, reply.retryAfterMs);
  if (request.failures + 1 === OUTAGE_FAILURES) {
    // An alert about nobody: the second opinion is missing, and nobody's money waits for it.
    await openAlert(tx, ctx, {
      userId: null,
      kind: 'screening_error',
      dedupKey: `monitoring_vendor_outage:${vendor.name}`,
      severity: 'medium',
      effect: 'review',
      sourceRef: `monitoring_vendor:${vendor.name}:${reply.failure}`,
    });
  }
}
