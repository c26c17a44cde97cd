/**
 * The engine against the model of `src/testing/engine-model`. Each random sequence also restarts the
 * engine once, from its open orders and what was kept of trailing ones. A disagreement prints its
 * shortest command log and the seed that found it. `bun run bench fuzz` runs 100,000 sequences.
 */
import { describe, expect, test } from 'bun:test';
import { ONE } from '../../../kernel/amount.ts';
import { eventsOf, firstDisagreement, jsonOf, shorten } from '../../../testing/engine-model/compare.ts';
import { randomCommands } from '../../../testing/engine-model/random-commands.ts';
import type { HoldOrder } from './command.ts';

const SEQUENCES = 3_000;

describe('engine and reference model', () => {
  test('agree on thousands of random command sequences, each with a restart in it', () => {
    const seen = new Map<string, number>();
    for (let seed = 1; seed <= SEQUENCES; seed += 1) {
      const commands = randomCommands(seed, 40);
      const restartAt = seed % 40;
      if (firstDisagreement(commands, restartAt, seen) !== null) {
        const shortest = shorten(commands, restartAt);
        throw new Error(`seed ${seed}: ${firstDisagreement(shortest, restartAt)}\n${jsonOf(shortest)}`);
      }
    }
    for (const what of OUTCOMES) {
      expect(seen.get(what) ?? 0, what).toBeGreaterThan(20);
    }
  });

  test('agree on trailing orders that are put back at another price than they have seen', () => {
    const outcomes = [110n, 95n].map((price) => {
      const commands = [{ type: 'mark', price: price * ONE } as const, putBack(1n), putBack(2n)];
      expect([price, firstDisagreement(commands, commands.length)]).toEqual([price, null]);
      return eventsOf(commands).map(({ type }) => type);
    });
    expect(outcomes).toEqual([
      ['held', 'marked', 'held', 'marked'],
      ['held', 'triggered', 'cancelled', 'held', 'triggered', 'cancelled'],
    ]);
  });

  test('agree on deep books of many orders', () => {
    const seed = 99;
    expect([seed, firstDisagreement(randomCommands(seed, 1_500, 300), 700)]).toEqual([seed, null]);
  });
});

describe('determinism', () => {
  test('one command log gives the same events byte for byte', () => {
    const commands = randomCommands(2_026, 6_000, 60);
    const once = jsonOf(eventsOf(commands));

    expect(jsonOf(eventsOf(commands))).toBe(once);
    expect(once.length).toBeGreaterThan(500_000);
  });
});

/** A sale that trails 2 behind the best price of 100, as a restart puts it back. */
function putBack(bookSeq: bigint): HoldOrder {
  return {
    type: 'hold',
    order: {
      type: 'new',
      orderId: `o${bookSeq}`,
      accountId: 'ann',
      personId: 'ann',
      side: 'sell',
      orderType: 'market',
      timeInForce: 'gtc',
      price: null,
      quantity: ONE,
      notional: null,
      priceCap: null,
      postOnly: false,
      bookSeq,
    },
    trigger: {
      kind: 'trail',
      amount: 2n * ONE,
      percentMicro: null,
      standing: { heldSeq: bookSeq, mark: 100n * ONE },
    },
  };
}

const OUTCOMES = [
  'resting',
  'trade',
  'done',
  'held',
  'triggered',
  'released',
  'reduced',
  'marked',
  'cancel_missed',
  'halted',
  'resumed',
  'rejected halted',
  'rejected invalid_instruction',
  'rejected no_reference_price',
  'cancelled requested',
  'cancelled ioc_remainder',
  'cancelled fok_unfillable',
  'cancelled self_match',
  'cancelled no_liquidity',
  'cancelled price_cap',
  'cancelled notional_too_small',
  'cancelled reserved_units_sold',
  'cancelled post_only_would_cross',
  'cancelled group',
  'cancelled parent_ended',
];
