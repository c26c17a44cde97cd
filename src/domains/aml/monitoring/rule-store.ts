import { asc, desc, eq, type InferSelectModel, sql } from 'drizzle-orm';
import { newId } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import { type Deps, machineCtx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { transact } from '../../../platform/db/transact.ts';
import { AML_EVENTS } from '../audit.ts';
import { contentHashOf, RELEASED, type RuleSet, ruleSetOf } from './rule-set.ts';
import { monitoringRules } from './schema.ts';

export type StoredRule = InferSelectModel<typeof monitoringRules>;

const RULES = 'aml.monitoring_rules';

/** The set that was asked for last, by the rows it was made of. */
let remembered: { readonly rows: string; readonly set: RuleSet } | undefined;

/**
 * What is in force. The set is made anew once another row is in force or one of them was written again: ids are
 * unique everywhere, and a row's xmin tells which transaction wrote it.
 */
export async function activeRules(tx: Tx): Promise<RuleSet> {
  const [found] = await executePrepared<{ readonly rows: string | null }>(
    tx,
    sql`select string_agg(id || ' ' || xmin, ',' order by key) as rows from monitoring_rules
      where status = 'active'`,
  );
  const rows = found?.rows ?? '';
  if (remembered?.rows !== rows) {
    remembered = { rows, set: ruleSetOf(await activeRows(tx)) };
  }
  return remembered.set;
}

/** The versions in force that are stored. */
export async function activeRows(tx: Tx): Promise<readonly StoredRule[]> {
  return tx
    .select()
    .from(monitoringRules)
    .where(eq(monitoringRules.status, 'active'))
    .orderBy(asc(monitoringRules.key));
}

/** The number of the next version; whoever takes it holds the lock until it is stored. */
export async function nextVersion(tx: Tx, key: string): Promise<number> {
  await lockExclusive(tx, [RULES]);
  const [newest] = await tx
    .select({ version: monitoringRules.version })
    .from(monitoringRules)
    .where(eq(monitoringRules.key, key))
    .orderBy(desc(monitoringRules.version))
    .limit(1);
  return (newest?.version ?? 0) + 1;
}

/**
 * Stores what the program came with, so that what a hit cites can be read for good, unless people decided on
 * another version: then that stays, whatever a release brings.
 * @effects perhaps rows of `monitoring_rules`; audit `monitoring_rule.released`
 */
export async function keepReleasedRules(deps: Deps): Promise<void> {
  const ctx = machineCtx(deps, { kind: 'system', name: RULES }, newId());
  await transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [RULES]);
    const active = new Map((await activeRows(tx)).map((row) => [row.key, row]));
    for (const [key, content] of RELEASED) {
      const known = active.get(key);
      const contentHash = contentHashOf(content);
      if (known !== undefined && (known.origin === 'staff' || known.contentHash === contentHash)) {
        continue;
      }
      const at = deps.clock.now();
      if (known !== undefined) {
        const retired = { status: 'retired', retiredAt: at } as const;
        await tx.update(monitoringRules).set(retired).where(eq(monitoringRules.id, known.id));
      }
      const [stored] = await tx
        .insert(monitoringRules)
        .values({
          id: newId(),
          key,
          version: await nextVersion(tx, key),
          status: 'active',
          origin: 'release',
          content,
          contentHash,
          reason: 'What the program came with',
          createdBy: RULES,
          createdAt: at,
          activatedAt: at,
        })
        .returning();
      await record(tx, ctx, {
        event: AML_EVENTS['monitoring_rule.released'],
        resource: { type: 'monitoring_rule', id: stored?.id ?? '' },
        subjectUserId: null,
        after: stored,
      });
    }
  });
}
