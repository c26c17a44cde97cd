/** What becomes of a question that a vendor has not answered yet, about a screening or about an activity alike. */
import { eq, type InferSelectModel } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import type { AuditEvent } from '../../../platform/audit/events.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { AML_EVENTS } from '../audit.ts';
import { pauseAfter } from './pause-after.ts';
import { monitoringVendorRequests, vendorRequests } from './schema.ts';

type RequestTable = typeof vendorRequests | typeof monitoringVendorRequests;

type Requests<Table extends RequestTable> = {
  readonly table: Table;
  readonly type: string;
  readonly abandoned: AuditEvent;
};

/** What a vendor is asked about screenings. */
export const ABOUT_SCREENINGS: Requests<typeof vendorRequests> = {
  table: vendorRequests,
  type: 'vendor_request',
  abandoned: AML_EVENTS['vendor_request.abandoned'],
};

/** What a vendor is asked about activities. */
export const ABOUT_ACTIVITIES: Requests<typeof monitoringVendorRequests> = {
  table: monitoringVendorRequests,
  type: 'monitoring_vendor_request',
  abandoned: AML_EVENTS['monitoring_vendor_request.abandoned'],
};

/** Locks a request; one that is answered or given up is none any more. */
export async function lockWaiting<Table extends RequestTable>(
  tx: Tx,
  { table }: Requests<Table>,
  requestId: Id,
): Promise<InferSelectModel<Table> | undefined> {
  const request = present(await lockRow(tx, table, requestId), 'requests are never deleted');
  return request.status === 'waiting' ? request : undefined;
}

/**
 * Has something asked again later, or gives it up, as `pauseAfter` says.
 * @effects the request's row; perhaps audit `vendor_request.abandoned` or `monitoring_vendor_request.abandoned`
 */
export async function postpone(
  tx: Tx,
  ctx: Ctx,
  requests: Requests<RequestTable>,
  requestId: Id,
  failure: string,
  retryAfterMs = 0,
): Promise<void> {
  const request = await lockWaiting(tx, requests, requestId);
  if (request === undefined) {
    return;
  }
  const failures = request.failures + 1;
  const pauseMs = pauseAfter(failures, failure, retryAfterMs);
  if (pauseMs === null) {
    await abandon(tx, ctx, requests, requestId, failure);
    return;
  }
  const { table } = requests;
  await tx
    .update(table as PgTable)
    .set({ failures, lastFailure: failure, nextAt: addMs(ctx.deps.clock.realNow(), pauseMs) })
    .where(eq(table.id, requestId));
}

/**
 * Asks no more: our own word stands by itself.
 * @effects the request's row; audit `vendor_request.abandoned` or `monitoring_vendor_request.abandoned`
 */
export async function abandon(
  tx: Tx,
  ctx: Ctx,
  requests: Requests<RequestTable>,
  requestId: Id,
  failure: string,
): Promise<void> {
  const before = await lockWaiting(tx, requests, requestId);
  if (before === undefined) {
    return;
  }
  const { table, type, abandoned } = requests;
  const [after] = await tx
    .update(table as PgTable)
    .set({
      status: 'abandoned',
      failures: before.failures + 1,
      lastFailure: failure,
      nextAt: null,
      settledAt: ctx.deps.clock.now(),
    })
    .where(eq(table.id, requestId))
    .returning();
  await record(tx, ctx, {
    event: abandoned,
    resource: { type, id: requestId },
    subjectUserId: before.userId,
    before,
    after: present(after, 'the request was locked'),
  });
}
