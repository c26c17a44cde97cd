import { eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Json } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { AML_EVENTS } from '../audit.ts';
import { refuseAml } from '../errors.ts';
import { listVersions, screeningLists } from '../schema.ts';
import type { ListPurpose } from './entity.ts';
import { lockMeaning, lookAgain } from './look-again.ts';
import { FORMATS_OF, formatOf, type ListFormat, partsOf } from './parse-list.ts';
import type { ScreeningList } from './store-version.ts';

/** What may be set of a list; what is left out stays. */
export type ListChange = {
  readonly purpose?: ListPurpose | undefined;
  readonly effect?: 'stop' | 'review' | undefined;
  readonly format?: ListFormat | undefined;
  readonly status?: 'active' | 'retired' | undefined;
  readonly maxShrinkBps?: number | undefined;
  readonly minEntities?: number | undefined;
  readonly sourceUrls?: Readonly<Record<string, string>> | null | undefined;
  readonly fetchMinutes?: number | null | undefined;
  readonly staleAfterHours?: number | undefined;
};

const REASON = 'How a list is read, from where, and what a hit on it does';

/**
 * Asks for a list to be set up otherwise: from where it comes and what a hit does decide who is stopped, so it
 * takes two people.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors not_found, list_format_unsupported, list_files_missing, approval_pending_exists
 */
export async function changeList(ctx: Ctx, listId: Id, change: ListChange): Promise<Approval> {
  return transact(ctx, 'staff', async (tx) => {
    const [list] = await tx.select().from(screeningLists).where(eq(screeningLists.id, listId));
    if (list === undefined) {
      throw refuse('not_found');
    }
    refuseUnreadable({ ...list, ...definedOf(change) });
    return requestApproval(tx, ctx, {
      action: changeListAction.action,
      subjectType: 'screening_list',
      subjectId: list.id,
      subjectUserId: null,
      payload: { version: list.version, change: definedOf(change) as Json },
      quorum: 1,
      checkerRoles: ['compliance_officer', 'mlro'],
      reason: REASON,
    });
  });
}

/** Runs when a second person agrees to how a list is set up; whom another purpose or effect concerns is due again. */
export const changeListAction: ApprovalAction = {
  action: 'screening_list.change',
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'approved actions run in the transaction of the vote');
    const before = present(await lockRow(tx, screeningLists, approved.subjectId), 'the list exists');
    if (before.version !== approved.payload.version) {
      throw refuseAml('list_moved_on');
    }
    const change = approved.payload.change as ListChange;
    const means = meansOtherwise(before, change);
    if (means) {
      await lockMeaning(tx);
    }
    const now = ctx.deps.clock.now();
    const retires = change.status === 'retired' && before.activeVersionId !== null;
    if (retires) {
      await tx
        .update(listVersions)
        .set({ status: 'superseded' })
        .where(eq(listVersions.id, present(before.activeVersionId, 'a version is active')));
    }
    const [after] = await tx
      .update(screeningLists)
      .set({
        ...definedOf(change),
        ...(retires ? { activeVersionId: null } : {}),
        ...(means ? { meaningChangedAt: now } : {}),
        nextFetchAt: now,
        failedFetches: 0,
        changeApprovalId: approved.approvalId,
        version: before.version + 1,
      })
      .where(eq(screeningLists.id, before.id))
      .returning();
    if (means) {
      await lookAgain(tx, before.id, now);
    }
    await record(tx, ctx, {
      event: AML_EVENTS['screening_list.changed'],
      resource: { type: 'screening_list', id: before.id },
      subjectUserId: null,
      before,
      after: present(after, 'the list was locked'),
    });
  },
};

/** Whether a hit is taken for something else, or stops where it did not. */
function meansOtherwise(list: ScreeningList, { purpose, effect }: ListChange): boolean {
  return (purpose ?? list.purpose) !== list.purpose || (effect ?? list.effect) !== list.effect;
}

/** A list that could not be read or fetched as it is set up. @errors list_format_unsupported, list_files_missing */
function refuseUnreadable(list: ScreeningList): void {
  const format = formatOf(list);
  if (!FORMATS_OF[list.kind].includes(format)) {
    throw refuseAml('list_format_unsupported');
  }
  const parts = partsOf(format);
  const given = Object.keys(list.sourceUrls ?? {});
  if (
    list.sourceUrls !== null &&
    (given.length !== parts.length || parts.some((part) => !given.includes(part)))
  ) {
    throw refuseAml('list_files_missing', { detail: `Name the addresses of exactly ${parts.join(', ')}.` });
  }
}

function definedOf(change: ListChange): Partial<ScreeningList> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}
