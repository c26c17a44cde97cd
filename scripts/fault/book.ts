/**
 * The book after a restart: what the server shows of it, from its memory, is what the database holds, and every cancel
 * that was promised has been carried out. Both take a moment, which is waited for.
 */
import type { Connection } from '../../src/platform/db/client.ts';
import { openClient } from '../../src/platform/db/client.ts';
import { sandboxConnections } from '../../src/platform/db/sandbox-logins.ts';
import type { Person } from './sender.ts';

const SYMBOL = 'BTC/USD';
const WITHIN_MS = 60_000;
const LOOK_MS = 100;

/** What differs when everything accepted should have been carried out long since. */
export async function bookFaults(url: string, as: Person, owner: Connection): Promise<readonly string[]> {
  const sql = openClient(sandboxConnections(owner).engine, 1);
  try {
    const deadline = performance.now() + WITHIN_MS;
    for (;;) {
      const [shown, stored, waiting] = [await shownBook(url, as), await storedBook(sql), await cancels(sql)];
      const faults = [
        ...(shown === stored ? [] : [`the book shows ${shown}, the database holds ${stored}`]),
        ...waiting.map((id) => `order ${id} was to be cancelled and is open`),
      ];
      if (faults.length === 0 || performance.now() > deadline) {
        return faults;
      }
      await Bun.sleep(LOOK_MS);
    }
  } finally {
    await sql.end({ timeout: 5 });
  }
}

type Level = { readonly price: string; readonly quantity: string; readonly orderCount: number };

async function shownBook(url: string, as: Person): Promise<string> {
  const response = await fetch(`${url}/v1/instruments/${encodeURIComponent(SYMBOL)}/book?levels=200`, {
    headers: { authorization: `Bearer ${as.token()}` },
  });
  const { bids, asks } = (await response.json()) as { bids?: readonly Level[]; asks?: readonly Level[] };
  const side = (name: string, levels: readonly Level[] = []) =>
    levels.map(({ price, quantity, orderCount }) => `${name} ${orderCount} of ${quantity} at ${price}`);
  return [...side('buy', bids), ...side('sell', asks)].sort().join(', ');
}

async function storedBook(sql: ReturnType<typeof openClient>): Promise<string> {
  const rows = await sql<{ line: string }[]>`
    SELECT side || ' ' || count(*) || ' of ' || trim_scale(sum(quantity - filled_quantity - reduced_quantity)) || ' at ' ||
      trim_scale(limit_price) AS line
    FROM orders WHERE symbol = ${SYMBOL} AND book = 'live' AND status IN ('open', 'partially_filled')
      AND limit_price IS NOT NULL AND time_in_force NOT IN ('ioc', 'fok')
    GROUP BY side, limit_price`;
  return rows
    .map(({ line }) => line)
    .sort()
    .join(', ');
}

async function cancels(sql: ReturnType<typeof openClient>): Promise<readonly string[]> {
  const rows = await sql<{ id: string }[]>`
    SELECT id FROM orders WHERE cancel_requested_at IS NOT NULL AND closed_at IS NULL ORDER BY id LIMIT 10`;
  return rows.map(({ id }) => id);
}
