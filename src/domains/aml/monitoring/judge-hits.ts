import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Consumer } from '../../../platform/outbox/consumer.ts';
import { lockGateExclusively } from '../../identity/index.ts';
import { openAlert } from '../alerts/open-alert.ts';
import { type CountedHit, totalOf } from './evaluate.ts';
import { TYPOLOGY_KEYS, type TypologyKey } from './rule.ts';
import type { RuleSet } from './rule-set.ts';
import { activeRules } from './rule-store.ts';
import { ruleHitAlerts } from './schema.ts';
import { type Standing, standingsOf, typologyDedup, untoldHits } from './totals.ts';
import { ACTIVITY_HIT } from './watch-activity.ts';

/** How many hits a transaction takes into an alert, far below what one statement can name. */
const HITS_AT_ONCE = 1_000;

/** Makes alerts of what rules found; safe to run twice. */
export const judgeHits: Consumer = {
  name: 'aml.judge_hits',
  types: [ACTIVITY_HIT],
  handle: (ctx, event) => judgeHitsOf(ctx, present(event.userId, 'a hit is about a person')),
};

/**
 * Raises at once what money waits for, for a caller that holds the person's gate exclusively since before it locked
 * any row: the gate is shut when the caller commits. Whatever else there is follows behind the outbox.
 * @effects those of `openAlert`; rows of `rule_hit_alerts`
 */
export async function raiseHeld(tx: Tx, ctx: Ctx, userId: Id, set: RuleSet): Promise<void> {
  const at = ctx.deps.clock.now();
  const held = (await standingsOf(tx, userId, at, set)).filter(({ isHold }) => isHold);
  for (const standing of held) {
    const { typology } = standing;
    const hits = await untoldHits(tx, userId, typology, { at, set, most: HITS_AT_ONCE });
    if (hits.length > 0) {
      await raise(tx, ctx, userId, standing, hits);
    }
  }
}

/**
 * Raises an alert for each typology whose points reach what an alert needs, or takes new hits into the one that is
 * open. Where money waits for people, the alert shuts the gate until two of them closed it. However many hits there
 * are, a transaction takes a bounded part of one typology's.
 * @effects those of `openAlert`; rows of `rule_hit_alerts`
 */
async function judgeHitsOf(ctx: Ctx, userId: Id): Promise<void> {
  for (const typology of TYPOLOGY_KEYS) {
    while (await judgeSome(ctx, userId, typology)) {
      // What is left is a transaction of its own.
    }
  }
}

/** @shape whether more may be left */
async function judgeSome(ctx: Ctx, userId: Id, typology: TypologyKey): Promise<boolean> {
  return transact(ctx, 'engine', async (tx) => {
    await lockGateExclusively(tx, userId);
    const set = await activeRules(tx);
    const at = ctx.deps.clock.now();
    const hits = await untoldHits(tx, userId, typology, { at, set, most: HITS_AT_ONCE });
    if (hits.length === 0) {
      return false;
    }
    // Read behind the hits, so that it counts each of them.
    const standings = await standingsOf(tx, userId, at, set);
    const standing = standings.find((one) => one.typology === typology);
    if (standing?.isAlert !== true) {
      return false;
    }
    await raise(tx, ctx, userId, standing, hits);
    return hits.length === HITS_AT_ONCE;
  });
}

async function raise(
  tx: Tx,
  ctx: Ctx,
  userId: Id,
  { typology, isTold, isHold }: Standing,
  hits: readonly (CountedHit & { readonly id: Id })[],
): Promise<void> {
  const alert = await openAlert(tx, ctx, {
    userId,
    kind: typology === 'market_abuse' ? 'market_abuse' : 'monitoring',
    dedupKey: typologyDedup(typology),
    severity: isHold ? 'high' : 'medium',
    effect: isHold ? 'stop' : 'review',
    sourceRef: typology,
    points: isTold ? hits.reduce((sum, hit) => sum + hit.points, 0) : totalOf(hits),
  });
  const at = ctx.deps.clock.now();
  await tx.insert(ruleHitAlerts).values(hits.map(({ id }) => ({ hitId: id, alertId: alert.id, at })));
}
