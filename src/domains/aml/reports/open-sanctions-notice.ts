import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { AML_EVENTS } from '../audit.ts';
import { sealedContent } from './notice-store.ts';
import { sanctionsNotices } from './schema.ts';

/** How soon the authorities have to know of a match. @units ms of real hours, whatever day it is */
export const NOTICE_MS = 24 * 3_600_000;

/**
 * Starts the clock of the notice about a confirmed match, in the transaction that confirms it.
 * @effects a row of `sanctions_notices`; audit `sanctions_notice.opened`
 */
export async function openSanctionsNotice(
  tx: Tx,
  ctx: Ctx,
  match: { readonly userId: Id; readonly caseId: Id; readonly confirmedAt: Instant },
): Promise<void> {
  const id = newId();
  const [notice] = await tx
    .insert(sanctionsNotices)
    .values({
      id,
      kind: 'match',
      caseId: match.caseId,
      confirmedAt: match.confirmedAt,
      dueAt: addMs(match.confirmedAt, NOTICE_MS),
      status: 'due',
      content: sealedContent(ctx, id, { userId: match.userId }),
      createdAt: ctx.deps.clock.now(),
    })
    .returning();
  const opened = present(notice, 'the notice was inserted');
  await record(tx, ctx, {
    event: AML_EVENTS['sanctions_notice.opened'],
    resource: { type: 'sanctions_notice', id: opened.id },
    subjectUserId: match.userId,
    after: opened,
  });
}
