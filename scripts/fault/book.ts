/**
 * The book after a restart: what the server shows of it, from its memory, is what the database holds, every cancel
 * that was promised has been carried out, what a venue executed has traded, margin is held, and what a confirmed
 * statement shows is booked. That takes a moment, which is waited for.
 */
import type { Connection } from '../../src/platform/db/client.ts';
import { openClient } from '../../src/platform/db/client.ts';
import { sandboxConnections } from '../../src/platform/db/sandbox-logins.ts';
import { CONTRACT } from './market.ts';
import type { Person } from './sender.ts';

const SYMBOLS = ['BTC/USD', CONTRACT] as const;
const WITHIN_MS = 60_000;
const LOOK_MS = 100;

/** What differs when everything accepted should have been carried out long since. */
export async function bookFaults(url: string, as: Person, owner: Connection): Promise<readonly string[]> {
  const sql = openClient(sandboxConnections(owner).engine, 1);
  try {
    const deadline = performance.now() + WITHIN_MS;
    for (;;) {
      const faults = [
        ...(await Promise.all(SYMBOLS.map((symbol) => bookOf(url, as, sql, symbol)))).flat(),
        ...(await cancels(sql)).map((id) => `order ${id} was to be cancelled and is open`),
        ...(await venueFaults(sql)),
        ...(await marginFaults(sql)),
        ...(await statementFaults(sql)),
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

async function bookOf(
  url: string,
  as: Person,
  sql: ReturnType<typeof openClient>,
  symbol: string,
): Promise<readonly string[]> {
  const [shown, stored] = [await shownBook(url, as, symbol), await storedBook(sql, symbol)];
  return shown === stored ? [] : [`the book of ${symbol} shows ${shown}, the database holds ${stored}`];
}

/** What the simulated venue has in its own books is what was sent to it, once, and what it executed has traded here. */
async function venueFaults(sql: ReturnType<typeof openClient>): Promise<readonly string[]> {
  const rows = await sql<{ fault: string }[]>`
    SELECT 'order ' || o.id || ' has traded ' || o.filled_quantity || ', its venue executed ' || coalesce(s.executed, 0) || ' in ' ||
      coalesce(v.state::text, 'no order') AS fault
    FROM orders o LEFT JOIN venue_orders v ON v.order_id = o.id LEFT JOIN simulated_orders s ON s.id = v.order_id
    WHERE o.book = 'paper' AND (o.filled_quantity <> coalesce(s.executed, 0) OR v.state IN ('sending', 'unknown')
      OR (o.status IN ('open', 'partially_filled') AND v.state IS DISTINCT FROM 'working')
      OR (v.state = 'working' AND s.closed))
    UNION ALL
    SELECT 'the venue has ' || s.id || ', which nobody sent' FROM simulated_orders s
      LEFT JOIN venue_orders v ON v.order_id = s.id WHERE v.order_id IS NULL
    LIMIT 10`;
  return rows.map(({ fault }) => fault);
}

/** What a position needs and its wallet has is held: nobody can withdraw it. */
async function marginFaults(sql: ReturnType<typeof openClient>): Promise<readonly string[]> {
  const rows = await sql<{ fault: string }[]>`
    SELECT 'wallet ' || w.id || ' holds ' || h.held || ' of ' || h.initial_margin + h.unrealised_loss || ' as margin, ' ||
      w.available || ' is free' AS fault
    FROM margin_holds h JOIN wallets w ON w.id = h.wallet_id
    WHERE h.held < h.initial_margin + h.unrealised_loss AND w.available > 0 LIMIT 10`;
  return rows.map(({ fault }) => fault);
}

/** Each line of a confirmed statement is booked: what it names is credited. */
async function statementFaults(sql: ReturnType<typeof openClient>): Promise<readonly string[]> {
  const rows = await sql<{ fault: string }[]>`
    SELECT 'statement ' || s.id || ' is confirmed, its line ' || l.position || ' is of a deposit that is ' || d.status AS fault
    FROM bank_statements s JOIN bank_statement_lines l ON l.statement_id = s.id
      JOIN deposits d ON d.payment_reference = l.payment_reference
    WHERE s.standing = 'confirmed' AND d.status <> 'cleared'
    UNION ALL
    SELECT 'statement ' || s.id || ' is confirmed and not all booked' FROM bank_statements s
    WHERE s.standing = 'confirmed' AND NOT EXISTS (SELECT FROM bank_statement_bookings b WHERE b.statement_id = s.id)
    LIMIT 10`;
  return rows.map(({ fault }) => fault);
}

type Level = { readonly price: string; readonly quantity: string; readonly orderCount: number };

async function shownBook(url: string, as: Person, symbol: string): Promise<string> {
  const response = await fetch(`${url}/v1/instruments/${encodeURIComponent(symbol)}/book?levels=200`, {
    headers: { authorization: `Bearer ${as.token()}` },
  });
  const { bids, asks } = (await response.json()) as { bids?: readonly Level[]; asks?: readonly Level[] };
  const side = (name: string, levels: readonly Level[] = []) =>
    levels.map(({ price, quantity, orderCount }) => `${name} ${orderCount} of ${quantity} at ${price}`);
  return [...side('buy', bids), ...side('sell', asks)].sort().join(', ');
}

async function storedBook(sql: ReturnType<typeof openClient>, symbol: string): Promise<string> {
  const rows = await sql<{ line: string }[]>`
    SELECT side || ' ' || count(*) || ' of ' || trim_scale(sum(quantity - filled_quantity - reduced_quantity)) || ' at ' ||
      trim_scale(limit_price) AS line
    FROM orders WHERE symbol = ${symbol} AND book = 'live' AND status IN ('open', 'partially_filled')
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
