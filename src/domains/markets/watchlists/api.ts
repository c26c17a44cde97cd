import { z } from '@hono/zod-openapi';
import { wireInstant, wireOf } from '../../../platform/http/wire.ts';
import { symbolInput } from '../api.ts';
import { watchlists } from './schema.ts';

/** How many instruments one watchlist has at most. */
const MAX_SYMBOLS = 200;

export const Watchlist = wireOf(watchlists)
  .pick({ id: true })
  .extend({
    name: z.string().openapi({ example: 'Crypto' }),
    symbols: z
      .array(z.string().openapi({ example: 'BTC/USD' }))
      .openapi({ description: 'In the order the customer gave them' }),
    version: z.number().int(),
    createdAt: wireInstant,
    updatedAt: wireInstant,
  })
  .openapi('Watchlist');

export const WatchlistList = z.object({ data: z.array(Watchlist) }).openapi('WatchlistList');

const name = z
  .string()
  .trim()
  .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]{1,60}$/u, 'must be one line of 1 to 60 characters')
  .openapi({ example: 'Crypto' });
const symbols = z.array(symbolInput).max(MAX_SYMBOLS);

export const NewWatchlist = z.strictObject({ name, symbols: symbols.default([]) }).openapi('NewWatchlist');

export const WatchlistChange = z
  .strictObject({ name: name.optional(), symbols: symbols.optional() })
  .refine((change) => change.name !== undefined || change.symbols !== undefined, 'must change something')
  .openapi('WatchlistChange');
