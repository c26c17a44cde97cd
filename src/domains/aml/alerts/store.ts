import { and, asc, desc, eq, isNull, lt, ne, type SQL, sql } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { openText } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { lockGates, refuseSelfAction, restrictionsOf } from '../../identity/index.ts';
import { amlCaseSubjects, amlCases } from '../cases/schema.ts';
import { notAboutSelf } from '../not-about-self.ts';
import { amlAlerts } from '../schema.ts';
import { type AmlAlert, alertCommentPlace } from './alert-events.ts';
import { itemsOf } from './alert-items.ts';
import { amlAlertEvents } from './schema.ts';

export type AlertFilter = PageRequest & {
  readonly status?: 'open' | 'assigned' | 'resolved' | undefined;
  readonly kind?: string | undefined;
  readonly severity?: string | undefined;
  /** `me`, `none`, or somebody. */
  readonly assignee?: string | undefined;
  readonly overdue?: 'true' | undefined;
};

/** Alerts, newest first. @errors invalid_cursor */
export async function listAlerts(ctx: Ctx, filter: AlertFilter) {
  const key = ctx.deps.keyring.cursorKey;
  const { status = '', kind = '', severity = '', assignee = '', overdue = '' } = filter;
  const listing = ['aml_alerts', status, kind, severity, assignee, overdue].join(' ').trim();
  return transact(ctx, 'staff', async (tx) => {
    const [before] = filter.cursor === undefined ? [] : readCursor(key, listing, filter.cursor);
    const rows = await tx
      .select()
      .from(amlAlerts)
      .where(
        and(
          notAboutSelf(ctx, amlAlerts.userId),
          ...wanted(ctx, filter),
          before === undefined ? undefined : lt(amlAlerts.id, before),
        ),
      )
      .orderBy(desc(amlAlerts.id))
      .limit(filter.limit + 1);
    return cutPage(key, listing, rows, filter.limit, (row) => [row.id]);
  });
}

/** One alert; none about oneself. @errors not_found */
export async function findAlert(tx: Tx, ctx: Ctx, alertId: Id): Promise<AmlAlert> {
  const [alert] = await tx
    .select()
    .from(amlAlerts)
    .where(and(notAboutSelf(ctx, amlAlerts.userId), eq(amlAlerts.id, alertId)));
  if (alert === undefined) {
    throw refuse('not_found');
  }
  return alert;
}

/** An alert with what it is about and what happened to it. @errors not_found */
export async function getAlert(ctx: Ctx, alertId: Id) {
  return transact(ctx, 'staff', async (tx) => {
    const alert = await findAlert(tx, ctx, alertId);
    const key =
      alert.userId === null ? ctx.deps.keyring.house : await ctx.deps.personKeys.find(tx, alert.userId);
    const steps = await tx
      .select()
      .from(amlAlertEvents)
      .where(eq(amlAlertEvents.alertId, alertId))
      .orderBy(asc(amlAlertEvents.at), asc(amlAlertEvents.id));
    const history = steps.map(({ comment, ...step }) => ({
      ...step,
      data: step.data as Record<string, unknown>,
      comment:
        key === undefined || comment === null ? null : openText(key, alertCommentPlace(step.id), comment),
    }));
    return { ...alert, items: await itemsOf(tx, alertId), history };
  });
}

/** How a customer stands with AML. @errors not_found, self_action */
export async function getStanding(ctx: Ctx, userId: Id) {
  refuseSelfAction(ctx, userId);
  return transact(ctx, 'staff', async (tx) => {
    const gate = (await lockGates(tx, [userId])).get(userId);
    if (gate === undefined) {
      throw refuse('not_found');
    }
    const [open] = await tx
      .select({ alerts: sql<number>`count(*)::int` })
      .from(amlAlerts)
      .where(and(eq(amlAlerts.userId, userId), ne(amlAlerts.status, 'resolved')));
    return {
      userId,
      screening: gate.screening,
      restriction: gate.restriction,
      restrictions: await restrictionsOf(tx, userId),
      openAlerts: open?.alerts ?? 0,
      openCases: await countOpenCases(tx, userId),
    };
  });
}

/** Cases about a person, begun with them or not, that nobody closed. */
export async function countOpenCases(tx: Tx, userId: Id): Promise<number> {
  const [open] = await tx
    .select({ cases: sql<number>`count(*)::int` })
    .from(amlCaseSubjects)
    .innerJoin(amlCases, eq(amlCases.id, amlCaseSubjects.caseId))
    .where(and(eq(amlCaseSubjects.userId, userId), ne(amlCases.status, 'closed')));
  return open?.cases ?? 0;
}

function wanted(ctx: Ctx, { status, kind, severity, assignee, overdue }: AlertFilter): (SQL | undefined)[] {
  const assigneeId = assignee === 'me' ? (personOf(ctx.actor) ?? undefined) : assignee;
  return [
    status === undefined ? undefined : eq(amlAlerts.status, status),
    kind === undefined ? undefined : eq(amlAlerts.kind, kind),
    severity === undefined ? undefined : eq(amlAlerts.severity, severity),
    assigneeId === 'none'
      ? isNull(amlAlerts.assigneeId)
      : assigneeId === undefined
        ? undefined
        : eq(amlAlerts.assigneeId, assigneeId as Id),
    overdue === undefined
      ? undefined
      : and(ne(amlAlerts.status, 'resolved'), lt(amlAlerts.dueAt, ctx.deps.clock.now())),
  ];
}
