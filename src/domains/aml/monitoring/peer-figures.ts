import { and, gte, inArray, isNotNull, sql } from 'drizzle-orm';
import type { Amount } from '../../../kernel/amount.ts';
import { addMs } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Job } from '../../../platform/domain.ts';
import { kycLevelOf } from '../../identity/index.ts';
import type { Reference } from './rule.ts';
import { activeRules } from './rule-store.ts';
import { monitoredActivity, peerFigures } from './schema.ts';
import { DAY_MS, sizeBps } from './sizes.ts';

const SHARE = 99;

/** Figures how much the people of each KYC level moved in thirty days. */
export const peerFiguresJob: Job = { name: 'aml.peer-figures', cron: '40 2 * * *', run: figurePeers };

/** @effects rows of `peer_figures` */
export async function figurePeers(ctx: Ctx): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const { reference } = await activeRules(tx);
    const computedAt = ctx.deps.clock.now();
    const moved = await tx
      .select({
        userId: monitoredActivity.userId,
        peerGroup: kycLevelOf(monitoredActivity.userId),
        direction: monitoredActivity.direction,
        asset: monitoredActivity.asset,
        amount: sql<string>`sum(${monitoredActivity.amount})`.mapWith(monitoredActivity.amount),
      })
      .from(monitoredActivity)
      .where(
        and(
          inArray(monitoredActivity.kind, ['deposit', 'withdrawal_requested']),
          gte(monitoredActivity.occurredAt, addMs(computedAt, -30 * DAY_MS)),
          isNotNull(kycLevelOf(monitoredActivity.userId)),
        ),
      )
      .groupBy(monitoredActivity.userId, monitoredActivity.direction, monitoredActivity.asset);
    for (const [key, sizes] of sizesOf(moved, reference)) {
      const [peerGroup = '', direction] = key.split('/');
      const people = [...sizes.values()].toSorted((left, right) => left - right);
      const highBps = people[Math.min(people.length - 1, Math.floor((people.length * SHARE) / 100))] ?? 0;
      const figures = { people: people.length, highBps: Math.min(highBps, 1_000_000_000), computedAt };
      await tx
        .insert(peerFigures)
        .values({ peerGroup, direction: direction === 'in' ? 'in' : 'out', ...figures })
        .onConflictDoUpdate({ target: [peerFigures.peerGroup, peerFigures.direction], set: figures });
    }
  });
}

type Moved = {
  readonly userId: string;
  readonly peerGroup: string | null;
  readonly direction: string;
  readonly asset: string | null;
  readonly amount: unknown;
};

function sizesOf(
  moved: readonly Moved[],
  reference: Reference,
): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const groups = new Map<string, Map<string, number>>();
  for (const { userId, peerGroup, direction, asset, amount } of moved) {
    const key = `${peerGroup}/${direction}`;
    const sizes = groups.get(key) ?? new Map<string, number>();
    const size = sizeBps({ asset, amount: amount as Amount, price: null, quantity: null }, reference);
    sizes.set(userId, (sizes.get(userId) ?? 0) + size);
    groups.set(key, sizes);
  }
  return groups;
}
