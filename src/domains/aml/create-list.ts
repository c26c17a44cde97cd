import { newId } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { AML_EVENTS } from './audit.ts';
import { caseLogin } from './case-login.ts';
import { refuseAml } from './errors.ts';
import type { ListKind } from './lists/parse-list.ts';
import { screeningLists } from './schema.ts';

export type ScreeningList = typeof screeningLists.$inferSelect;

/**
 * Sets up a list; it screens nobody until a version is imported.
 * @effects one row of `screening_lists`; audit `screening_list.created`
 * @errors list_exists
 */
export async function createList(
  ctx: Ctx,
  input: { readonly kind: ListKind; readonly name: string },
): Promise<ScreeningList> {
  return transact(ctx, caseLogin(ctx), async (tx) => {
    const [list] = await tx
      .insert(screeningLists)
      .values({ id: newId(), kind: input.kind, name: input.name, createdAt: ctx.deps.clock.now() })
      .onConflictDoNothing()
      .returning();
    if (list === undefined) {
      throw refuseAml('list_exists');
    }
    await record(tx, ctx, {
      event: AML_EVENTS['screening_list.created'],
      resource: { type: 'screening_list', id: list.id },
      subjectUserId: null,
      after: list,
    });
    return list;
  });
}
