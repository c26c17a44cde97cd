import type { Id } from '../../../kernel/id.ts';
import { changes } from '../../../platform/changes/changes.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { onCommit } from '../../../platform/db/transact.ts';

/** What is told whenever a price moved; `prices.<instrument id>` tells of one instrument. */
export const PRICES_SUBJECT = 'prices';

/** Tells every process, once it is committed, that ticks, candles or quotes of these instruments moved. */
export function tellPrices(tx: Tx, ctx: Ctx, instrumentIds: readonly Id[]): void {
  onCommit(tx, () => {
    const { tell } = changes(ctx.deps);
    for (const subject of [PRICES_SUBJECT, ...instrumentIds.map((id) => `${PRICES_SUBJECT}.${id}`)]) {
      tell(subject);
    }
  });
}
