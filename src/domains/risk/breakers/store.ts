import { and, desc, eq, isNotNull, isNull, lt } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Page } from '../../../kernel/page.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { allInstruments, instrumentOf } from '../../markets/index.ts';
import { breakerRules, circuitBreakers } from '../schema.ts';
import type { BreakerRule } from './set-breaker-rule.ts';
import type { CircuitBreaker } from './trip-breaker.ts';

export type BreakerFilter = PageRequest & {
  readonly tripped?: boolean | undefined;
  readonly symbol?: string | undefined;
};

export type ShownBreaker = CircuitBreaker & { readonly symbol: string | null };

export type ShownRule = BreakerRule & { readonly symbol: string };

/** Breakers that were ever tripped, newest first. @errors invalid_cursor */
export async function listBreakers(ctx: Ctx, filter: BreakerFilter): Promise<Page<ShownBreaker>> {
  const listing = `circuit-breakers ${filter.tripped ?? ''} ${filter.symbol ?? ''}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, 'staff', async (tx) => {
    const [before] = filter.cursor === undefined ? [] : readCursor(key, listing, filter.cursor);
    const symbols = await symbolsOf(tx);
    const wanted = [...symbols].find(([, symbol]) => symbol === filter.symbol)?.[0];
    if (filter.symbol !== undefined && wanted === undefined) {
      return cutPage(key, listing, [], filter.limit, () => []);
    }
    const rows = await tx
      .select()
      .from(circuitBreakers)
      .where(
        and(
          filter.tripped === undefined
            ? undefined
            : filter.tripped
              ? isNull(circuitBreakers.liftedAt)
              : isNotNull(circuitBreakers.liftedAt),
          wanted === undefined ? undefined : eq(circuitBreakers.instrumentId, wanted),
          before === undefined ? undefined : lt(circuitBreakers.id, before as Id),
        ),
      )
      .orderBy(desc(circuitBreakers.id))
      .limit(filter.limit + 1);
    const shown = rows.map((breaker) => ({
      ...breaker,
      symbol: breaker.instrumentId === null ? null : (symbols.get(breaker.instrumentId) ?? null),
    }));
    return cutPage(key, listing, shown, filter.limit, (row) => [row.id]);
  });
}

/** What trips by itself now, by symbol. */
export async function listBreakerRules(ctx: Ctx): Promise<ShownRule[]> {
  return transact(ctx, 'staff', async (tx) => {
    const symbols = await symbolsOf(tx);
    const rows = await tx
      .selectDistinctOn([breakerRules.instrumentId])
      .from(breakerRules)
      .orderBy(breakerRules.instrumentId, desc(breakerRules.id));
    return rows
      .map((rule) => ({ ...rule, symbol: symbols.get(rule.instrumentId) ?? '' }))
      .sort((left, right) => (left.symbol < right.symbol ? -1 : 1));
  });
}

/** @errors not_found, also where the instrument has none */
export async function getBreakerRule(ctx: Ctx, symbol: string): Promise<ShownRule> {
  return transact(ctx, 'staff', async (tx) => {
    const instrument = await instrumentOf(tx, symbol);
    const [rule] = await tx
      .select()
      .from(breakerRules)
      .where(eq(breakerRules.instrumentId, instrument.id))
      .orderBy(desc(breakerRules.id))
      .limit(1);
    if (rule === undefined) {
      throw refuse('not_found');
    }
    return { ...rule, symbol };
  });
}

async function symbolsOf(tx: Tx): Promise<ReadonlyMap<Id, string>> {
  return new Map((await allInstruments(tx)).map(({ id, symbol }) => [id, symbol]));
}
