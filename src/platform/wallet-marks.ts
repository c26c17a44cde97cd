import type { Id } from '../kernel/id.ts';
import type { Ctx } from './context.ts';
import type { Tx } from './db/client.ts';

/**
 * Has wallets that the caller locked hold what their open positions require at the prices of now, before somebody
 * asks what is free in them.
 * @effects what the wallets reserve
 * @shape those of which nobody knows what is free just now
 */
export type WalletMarks = (tx: Tx, ctx: Ctx, walletIds: readonly Id[]) => Promise<ReadonlySet<Id>>;
