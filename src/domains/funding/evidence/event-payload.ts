import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { openWith } from '../../../platform/crypto/seal.ts';
import type { inboundEvents } from './schema.ts';

/** What an event's sealed body is bound to. */
export function payloadPlace(rowId: Id) {
  return { table: 'inbound_events', column: 'payload', rowId };
}

/** The body of an event, the bytes that were signed. @errors SealError */
export function payloadOf(
  ctx: Ctx,
  { id, payload }: Pick<typeof inboundEvents.$inferSelect, 'id' | 'payload'>,
): Uint8Array {
  // Evidence stays under the key it was sealed with, which may be an earlier one.
  return openWith(ctx.deps.keyring.house, payloadPlace(id), payload);
}
