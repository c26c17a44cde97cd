import { eq } from 'drizzle-orm';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import { refuse } from '../../platform/http/refuse.ts';

/**
 * Refuses a type of event that neither this version nor any row knows. A mistyped one would find nothing, and
 * nothing found reads as "it never happened". Types of earlier versions are found in the rows that bear them.
 * @errors validation_failed
 */
export async function requireKnownType(
  tx: Tx,
  { deps }: Ctx,
  eventType: string | undefined,
  pointer: string,
): Promise<void> {
  if (eventType === undefined || deps.auditRegistry.some(({ type }) => type === eventType)) {
    return;
  }
  const [row] = await tx
    .select({ id: auditLogs.id })
    .from(auditLogs)
    .where(eq(auditLogs.eventType, eventType))
    .limit(1);
  if (row === undefined) {
    const detail = 'is no event of this log; GET /v1/audit/event-types lists them';
    throw refuse('validation_failed', {
      detail: 'A filter names an event that there is not.',
      errors: [{ pointer, code: 'unknown_event', detail }],
    });
  }
}
