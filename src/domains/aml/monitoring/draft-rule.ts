import { actorIdOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { Json } from '../../../kernel/canonical-json.ts';
import { newId } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { AML_EVENTS } from '../audit.ts';
import { refuseAml } from '../errors.ts';
import { contentHashOf, faultOf } from './rule-set.ts';
import { nextVersion, type StoredRule } from './rule-store.ts';
import { monitoringRules } from './schema.ts';

export type NewRule = {
  /** A rule, a typology, or the reference amounts. */
  readonly key: string;
  readonly content: { readonly [key: string]: unknown };
  readonly reason: string;
};

/**
 * Drafts the next version of a rule. A draft finds nothing and stops nobody.
 * @effects one row of `monitoring_rules`; audit `monitoring_rule.drafted`
 * @errors rule_unknown, rule_content_invalid
 */
export async function draftRule(ctx: Ctx, { key, content: given, reason }: NewRule): Promise<StoredRule> {
  const fault = faultOf(key, given);
  if (fault !== null) {
    throw fault === 'unknown'
      ? refuseAml('rule_unknown')
      : refuseAml('rule_content_invalid', { detail: fault });
  }
  // What was found to fit holds texts, whole numbers and lists of them.
  const content = given as { readonly [key: string]: Json };
  return transact(ctx, 'staff', async (tx) => {
    const [inserted] = await tx
      .insert(monitoringRules)
      .values({
        id: newId(),
        key,
        version: await nextVersion(tx, key),
        status: 'draft',
        origin: 'staff',
        content,
        contentHash: contentHashOf(content),
        reason,
        createdBy: actorIdOf(ctx.actor),
        createdAt: ctx.deps.clock.now(),
      })
      .returning();
    const draft = present(inserted, 'the draft was inserted');
    await record(tx, ctx, {
      event: AML_EVENTS['monitoring_rule.drafted'],
      resource: { type: 'monitoring_rule', id: draft.id },
      subjectUserId: null,
      after: draft,
    });
    return draft;
  });
}
