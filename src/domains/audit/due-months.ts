/**
 * Months of the log that its policy no longer keeps. They are reported only: archiving a month is an
 * operation of its own, which exports and verifies it first.
 */
import { gte, min } from 'drizzle-orm';
import { type Instant, parseInstant } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import type { DueItem, RetentionPiece } from '../../platform/domain.ts';
import { heldBy } from '../../platform/privacy/legal-holds.ts';
import { keptUntil } from '../../platform/privacy/retention-clock.ts';
import { readKeptMonths } from '../../platform/privacy/retention-policies.ts';

const EARLIEST = parseInstant('1900-01-01T00:00:00Z');

export const dueMonths: RetentionPiece = { recordClass: 'audit_log', due: readDueMonths };

async function readDueMonths(tx: Tx, ctx: Ctx) {
  const months = (await readKeptMonths(tx, ctx.deps))('audit_log');
  const now = ctx.deps.clock.now();
  const items: DueItem[] = [];
  for (let from = await monthFrom(tx, EARLIEST); from !== null; ) {
    const to = nextMonth(from);
    const dueSince = keptUntil([to], months);
    if (dueSince > now) {
      break;
    }
    const holds = await heldBy(tx, { from, to });
    items.push({ subject: from.slice(0, 7), userId: null, dueSince, held: holds.length > 0 });
    from = await monthFrom(tx, to);
  }
  return { items, next: null };
}

/** The first month at or after an instant that has rows; archived ones have none. */
async function monthFrom(tx: Tx, start: Instant): Promise<Instant | null> {
  const [first] = await tx
    .select({ at: min(auditLogs.recordedAt) })
    .from(auditLogs)
    .where(gte(auditLogs.recordedAt, start));
  return first?.at ? monthOf(first.at) : null;
}

function monthOf(instant: Instant): Instant {
  return parseInstant(`${instant.slice(0, 7)}-01T00:00:00Z`);
}

function nextMonth(from: Instant): Instant {
  const month = Temporal.PlainYearMonth.from(from.slice(0, 7)).add({ months: 1 });
  return parseInstant(`${month.toString()}-01T00:00:00Z`);
}
