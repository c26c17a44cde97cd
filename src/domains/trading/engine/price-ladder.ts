/**
 * One side's price levels, by price and sorted. Sorted they lie in blocks of bounded size from the
 * worst price to the best: the best is the last of the last block, most changes touch the end of one
 * short array, and a million distinct prices cost no more than two binary searches and one short move
 * each. A price that is there already is found without a search.
 */
import { present } from '../../../kernel/assert.ts';
import type { Side } from './command.ts';
import { createLevel, type PriceLevel } from './price-level.ts';

const BLOCK_LEVELS_MAX = 256;

export type PriceLadder = {
  readonly side: Side;
  readonly blocks: PriceLevel[][];
  readonly byPrice: Map<bigint, PriceLevel>;
  best: PriceLevel | null;
};

/** A side of the book without levels. */
export function createLadder(side: Side): PriceLadder {
  return { side, blocks: [], byPrice: new Map(), best: null };
}

/** The level of a price, made if it is not there yet. */
export function levelFor(ladder: PriceLadder, price: bigint): PriceLevel {
  return ladder.byPrice.get(price) ?? addLevel(ladder, price);
}

/** Takes an empty level out. */
export function removeLevel(ladder: PriceLadder, level: PriceLevel): void {
  ladder.byPrice.delete(level.price);
  const isBest = level === ladder.best;
  const blockIndex = isBest ? ladder.blocks.length - 1 : blockOf(ladder, level.price);
  const block = present(ladder.blocks[blockIndex], 'a level lies in a block');
  if (isBest) {
    block.pop();
  } else {
    block.splice(positionIn(ladder.side, block, level.price), 1);
  }
  if (block.length === 0) {
    ladder.blocks.splice(blockIndex, 1);
  }
  if (isBest) {
    ladder.best = ladder.blocks.at(-1)?.at(-1) ?? null;
  }
}

/** Visits levels from the best price on, until `visit` returns false. */
export function walkLevels(ladder: PriceLadder, visit: (level: PriceLevel) => boolean): void {
  for (let blockIndex = ladder.blocks.length - 1; blockIndex >= 0; blockIndex -= 1) {
    const block = present(ladder.blocks[blockIndex], 'index within bounds');
    for (let position = block.length - 1; position >= 0; position -= 1) {
      if (!visit(present(block[position], 'index within bounds'))) {
        return;
      }
    }
  }
}

/** True when a resting order's price serves the other side better: a higher bid, a lower ask. */
export function isBetter(side: Side, price: bigint, than: bigint): boolean {
  return side === 'buy' ? price > than : price < than;
}

/** The block a price belongs to: the first whose best level is not worse, else the last. */
function blockOf(ladder: PriceLadder, price: bigint): number {
  const { blocks, side } = ladder;
  let low = 0;
  let high = blocks.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const block = present(blocks[middle], 'index within bounds');
    const blockBest = present(block[block.length - 1], 'no block is empty');
    if (isBetter(side, price, blockBest.price)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** How many levels of a block are worse than a price. */
function positionIn(side: Side, block: readonly PriceLevel[], price: bigint): number {
  let low = 0;
  let high = block.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBetter(side, price, present(block[middle], 'index within bounds').price)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

function addLevel(ladder: PriceLadder, price: bigint): PriceLevel {
  const level = createLevel(price);
  ladder.byPrice.set(price, level);
  if (ladder.best === null || isBetter(ladder.side, price, ladder.best.price)) {
    ladder.best = level;
  }
  if (ladder.blocks.length === 0) {
    ladder.blocks.push([level]);
    return level;
  }
  const blockIndex = blockOf(ladder, price);
  const block = present(ladder.blocks[blockIndex], 'index within bounds');
  block.splice(positionIn(ladder.side, block, price), 0, level);
  if (block.length > BLOCK_LEVELS_MAX) {
    ladder.blocks.splice(blockIndex + 1, 0, block.splice(BLOCK_LEVELS_MAX / 2));
  }
  return level;
}
