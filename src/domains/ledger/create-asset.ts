import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { LEDGER_EVENTS } from './audit.ts';
import { refuseLedger } from './errors.ts';
import { type assetKind, assets } from './schema.ts';

export type NewAsset = {
  readonly code: string;
  readonly name: string;
  readonly kind: (typeof assetKind.enumValues)[number];
  /** Decimals the asset has. @units 0 to 8 */
  readonly scale: number;
  readonly isin?: string;
  readonly cusip?: string;
  readonly chain?: string;
};

/**
 * Makes an asset known, so that it can be held.
 * @effects one row of `assets`; audit `asset.created`
 * @errors asset_exists
 */
export async function createAsset(ctx: Ctx, input: NewAsset): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const [asset] = await tx
      .insert(assets)
      .values({ ...input, createdAt: ctx.deps.clock.now() })
      .onConflictDoNothing()
      .returning();
    if (asset === undefined) {
      throw refuseLedger('asset_exists');
    }
    await record(tx, ctx, {
      event: LEDGER_EVENTS['asset.created'],
      resource: { type: 'asset', id: asset.code },
      subjectUserId: null,
      after: asset,
    });
  });
}
