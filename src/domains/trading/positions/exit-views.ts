import { inArray } from 'drizzle-orm';
import type { Amount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { Exits } from './exit-orders.ts';
import type { PositionExit } from './exit-rules.ts';
import { positionExits } from './schema.ts';

type Level = { readonly triggerPrice: Amount };

/** The exits of a position as they are seen. */
export type ExitsView = {
  readonly stopLoss: Level | null;
  readonly takeProfit: Level | null;
  readonly exitTriggered: {
    readonly exit: PositionExit;
    readonly triggerPrice: Amount;
    readonly markPrice: Amount;
    readonly triggeredAt: Instant;
    readonly heldBack: string | null;
  } | null;
};

/** What a position shows of its exits; a closed one only what was triggered. */
export function exitsViewOf(exits: Exits | undefined): ExitsView {
  if (exits === undefined) {
    return { stopLoss: null, takeProfit: null, exitTriggered: null };
  }
  const standing = exits.endedAt === null;
  const levelOf = (price: Amount | null) => (standing && price !== null ? { triggerPrice: price } : null);
  return {
    stopLoss: levelOf(exits.stopLoss),
    takeProfit: levelOf(exits.takeProfit),
    exitTriggered: triggeredOf(exits),
  };
}

function triggeredOf(exits: Exits): ExitsView['exitTriggered'] {
  const { triggered: exit, triggeredAt, triggerMark, heldBack } = exits;
  const triggerPrice = exit === 'stop_loss' ? exits.stopLoss : exits.takeProfit;
  return exit === null || triggeredAt === null || triggerMark === null || triggerPrice === null
    ? null
    : { exit, triggerPrice, markPrice: triggerMark, triggeredAt, heldBack };
}

/** The exits of positions. @shape by position; those that never had any are missing */
export async function exitsOf(tx: Tx, positionIds: readonly Id[]): Promise<ReadonlyMap<string, Exits>> {
  const rows = await tx
    .select()
    .from(positionExits)
    .where(inArray(positionExits.positionId, [...positionIds]));
  return new Map(rows.map((exits) => [exits.positionId, exits]));
}
