import { and, asc, desc, eq, isNull, lt, ne, type SQL } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { openText } from '../../../platform/crypto/seal.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { amlAlerts } from '../schema.ts';
import { caseBodyPlace } from './case-events.ts';
import { caseFileNamePlace } from './case-files.ts';
import { caseNotAboutSelf, findCase } from './lock-case.ts';
import { amlCaseEvents, amlCaseFiles, amlCaseSubjects, amlCases } from './schema.ts';

export type CaseFilter = PageRequest & {
  readonly status?: string | undefined;
  readonly kind?: string | undefined;
  /** `me`, `none`, or somebody. */
  readonly assignee?: string | undefined;
  readonly overdue?: 'true' | undefined;
};

/** Cases, newest first; none that the reader is part of. @errors invalid_cursor */
export async function listCases(ctx: Ctx, filter: CaseFilter) {
  const key = ctx.deps.keyring.cursorKey;
  const { status = '', kind = '', assignee = '', overdue = '' } = filter;
  const listing = ['aml_cases', status, kind, assignee, overdue].join(' ').trim();
  return transact(ctx, 'staff', async (tx) => {
    const [before] = filter.cursor === undefined ? [] : readCursor(key, listing, filter.cursor);
    const rows = await tx
      .select()
      .from(amlCases)
      .where(
        and(
          caseNotAboutSelf(tx, ctx),
          ...wanted(ctx, filter),
          before === undefined ? undefined : lt(amlCases.id, before),
        ),
      )
      .orderBy(desc(amlCases.id))
      .limit(filter.limit + 1);
    return cutPage(key, listing, rows, filter.limit, (row) => [row.id]);
  });
}

/** A case with its people, alerts, history and files. @errors not_found */
export async function getCase(ctx: Ctx, caseId: Id) {
  return transact(ctx, 'staff', async (tx) => {
    const found = await findCase(tx, ctx, caseId);
    const key =
      found.userId === null ? ctx.deps.keyring.house : await ctx.deps.personKeys.find(tx, found.userId);
    const subjects = await tx
      .select()
      .from(amlCaseSubjects)
      .where(eq(amlCaseSubjects.caseId, caseId))
      .orderBy(asc(amlCaseSubjects.addedAt), asc(amlCaseSubjects.userId));
    const alerts = await tx
      .select({ id: amlAlerts.id })
      .from(amlAlerts)
      .where(eq(amlAlerts.caseId, caseId))
      .orderBy(asc(amlAlerts.id));
    const steps = await tx
      .select()
      .from(amlCaseEvents)
      .where(eq(amlCaseEvents.caseId, caseId))
      .orderBy(asc(amlCaseEvents.at), asc(amlCaseEvents.id));
    const files = await tx
      .select()
      .from(amlCaseFiles)
      .where(eq(amlCaseFiles.caseId, caseId))
      .orderBy(asc(amlCaseFiles.id));
    return {
      ...found,
      subjects: subjects.map(({ userId }) => ({ userId })),
      alertIds: alerts.map(({ id }) => id),
      history: steps.map(({ body, ...step }) => ({
        ...step,
        data: step.data as Record<string, unknown>,
        body: key === undefined || body === null ? null : openText(key, caseBodyPlace(step.id), body),
      })),
      files: files.map(({ name, ...file }) => ({
        ...file,
        name: key === undefined ? null : openText(key, caseFileNamePlace(file.id), name),
      })),
    };
  });
}

function wanted(ctx: Ctx, { status, kind, assignee, overdue }: CaseFilter): (SQL | undefined)[] {
  const assigneeId = assignee === 'me' ? (personOf(ctx.actor) ?? undefined) : assignee;
  return [
    status === undefined ? undefined : eq(amlCases.status, status),
    kind === undefined ? undefined : eq(amlCases.kind, kind),
    assigneeId === 'none'
      ? isNull(amlCases.assigneeId)
      : assigneeId === undefined
        ? undefined
        : eq(amlCases.assigneeId, assigneeId as Id),
    overdue === undefined
      ? undefined
      : and(ne(amlCases.status, 'closed'), lt(amlCases.dueAt, ctx.deps.clock.now())),
  ];
}
