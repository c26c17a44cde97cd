import { newId } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { AML_EVENTS } from './audit.ts';
import { caseLogin } from './case-login.ts';
import { refuseAml } from './errors.ts';
import type { ListPurpose } from './lists/entity.ts';
import { FORMATS_OF, type ListFormat, type ListKind } from './lists/parse-list.ts';
import type { ScreeningList } from './lists/store-version.ts';
import { screeningLists } from './schema.ts';

export type NewScreeningList = {
  readonly kind: ListKind;
  readonly name: string;
  readonly purpose?: ListPurpose | undefined;
  readonly effect?: 'stop' | 'review' | undefined;
  readonly format?: ListFormat | undefined;
};

/**
 * Sets up a list; it screens nobody until a version is imported. A list of people with an office or of reports asks
 * for a look unless told to stop.
 * @effects one row of `screening_lists`; audit `screening_list.created`
 * @errors list_format_unsupported, list_exists
 */
export async function createList(ctx: Ctx, input: NewScreeningList): Promise<ScreeningList> {
  const { kind, name, purpose = 'sanctions', format = FORMATS_OF[kind][0] } = input;
  const stops = purpose === 'sanctions' || purpose === 'internal';
  const effect = input.effect ?? (stops ? 'stop' : 'review');
  if (!FORMATS_OF[kind].includes(format)) {
    throw refuseAml('list_format_unsupported');
  }
  return transact(ctx, caseLogin(ctx), async (tx) => {
    const [list] = await tx
      .insert(screeningLists)
      .values({ id: newId(), kind, name, purpose, effect, format, createdAt: ctx.deps.clock.now() })
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
