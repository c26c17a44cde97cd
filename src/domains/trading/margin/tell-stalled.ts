import type { Id } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import { raiseAlarm } from '../../../platform/alarms/raise-alarm.ts';
import { type Ctx, type Deps, perDeps } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { MARGIN_EVENTS } from './audit.ts';

/** What mends itself is charged, borne or waived ten minutes after it was first seen; what is left needs somebody. */
const STALLED_MS = 15 * 60_000;

type Stalled = { readonly periodEnd: Instant; readonly since: Instant; readonly isTold: boolean };

/** The period that each contract waits with, since when that was seen here. */
const stalled = perDeps((_deps: Deps) => new Map<Id, Stalled>());

/**
 * Says once for a period that a contract is charged for it neither now nor by itself, whatever keeps it from that: as long,
 * none of its positions is charged for any later one. Who starts anew counts anew, and says it again.
 * @effects perhaps the alarm `funding.stalled`
 */
export async function tellStalled(
  ctx: Ctx,
  { id, symbol }: { readonly id: Id; readonly symbol: string },
  periodEnd: Instant,
): Promise<void> {
  const now = ctx.deps.clock.now();
  const before = stalled(ctx.deps).get(id);
  const seen = before?.periodEnd === periodEnd ? before : { periodEnd, since: now, isTold: false };
  stalled(ctx.deps).set(id, seen);
  if (seen.isTold || now <= addMs(seen.since, STALLED_MS)) {
    return;
  }
  await transact(ctx, 'engine', (tx) =>
    raiseAlarm(tx, ctx, {
      event: MARGIN_EVENTS['funding.stalled'],
      resource: { type: 'instrument', id },
      subjectUserId: null,
      after: { symbol, periodEnd, since: seen.since },
    }),
  );
  stalled(ctx.deps).set(id, { ...seen, isTold: true });
}
