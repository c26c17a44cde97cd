/**
 * What P7 grows: customers who do nothing, and orders that rest in the books of those who do. Written at once and
 * around the order path, as what earlier years left would lie there; every row keeps what `reconcile` proves.
 */
import { randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import type postgres from 'postgres';
import type { Id } from '../../src/kernel/id.ts';
import type { Ctx } from '../../src/platform/context.ts';
import { dataKey } from '../../src/platform/crypto/keyring.ts';
import { personKeyPlace } from '../../src/platform/crypto/person-keys.ts';
import type { Connection } from '../../src/platform/db/client.ts';
import { openClient } from '../../src/platform/db/client.ts';
import { arrayLiteral } from '../../src/platform/db/insert-rows.ts';

const BATCH = 50_000;

/** The embedded server's superuser: no login of the product may write so. */
function superuser(owner: Connection): Connection {
  return { ...owner, username: 'postgres' };
}

/** Brings the customers up to so many, each with a data key, an account and a wallet. */
export async function growCustomers(ctx: Ctx, owner: Connection, wanted: number): Promise<void> {
  const client = openClient(superuser(owner), 1);
  try {
    await client.unsafe('set statement_timeout = 0');
    const [row] = await client<{ count: number }[]>`select count(*)::int as count from users`;
    for (let have = row?.count ?? 0; have < wanted; have += BATCH) {
      const count = Math.min(BATCH, wanted - have);
      const people = await client.unsafe<{ id: Id }[]>(`
        with person as (
          insert into users (id, email, email_index, profile, status, created_at, updated_at)
          select u, '\\x01', uuid_send(u), '\\x01', 'active', now(), now()
          from (select uuidv7() as u from generate_series(1, ${count})) n returning id
        ), gate as (
          insert into customer_gates (user_id, kyc_status, kyc_level, screening, restriction, agreements_current,
            changed_by, changed_at)
          select id, 'approved', 'standard', 'clear', 'none', true, 'bench', now() from person
        ), granted as (
          insert into role_grants (user_id, role, granted_at) select id, 'customer', now() from person
        ), account as (
          insert into accounts (id, user_id, type, name, base_currency, status, is_default, created_at, updated_at)
          select uuidv7(), id, 'live', 'Bench', 'USD', 'active', true, now(), now() from person returning id, user_id
        ), wallet as (
          insert into wallets (id, account_id, user_id, book, asset, status, created_at)
          select uuidv7(), id, user_id, 'live', 'USD', 'active', now() from account
        )
        select id from person`);
      await giveKeys(ctx, client, people);
    }
  } finally {
    await client.end({ timeout: 5 });
  }
}

async function giveKeys(
  ctx: Ctx,
  client: postgres.Sql,
  people: readonly { readonly id: Id }[],
): Promise<void> {
  const keys = people.map(({ id }) => {
    const key = dataKey(new Uint8Array(randomBytes(32)));
    const wrapped = ctx.deps.keyring.wrap(personKeyPlace(id), key.key);
    return { id, keyId: `\\x${key.id.toHex()}`, wrapped: `\\x${wrapped.toHex()}` };
  });
  const column = (pick: (key: (typeof keys)[number]) => string) => arrayLiteral(keys.map(pick));
  await client.unsafe(
    `insert into person_keys (user_id, key_id, wrapped_key, created_at)
      select u, k, w, now() from unnest($1::text::uuid[], $2::text::bytea[], $3::text::bytea[]) t (u, k, w)`,
    [column(({ id }) => id), column(({ keyId }) => keyId), column(({ wrapped }) => wrapped)],
  );
}

/** Lets so many orders rest in all, spread over the funded accounts. */
export async function growOrders(ctx: Ctx, owner: Connection, wanted: number): Promise<void> {
  const [row] = await ctx.deps.db.engine.execute<{ count: number }>(
    sql`select count(*)::int as count from orders where closed_at is null`,
  );
  const client = openClient(superuser(owner), 1);
  try {
    await client.unsafe('set statement_timeout = 0');
    for (let have = row?.count ?? 0; have < wanted; have += BATCH) {
      await client.unsafe(restingOrders(Math.min(BATCH, wanted - have)));
    }
    await client.unsafe('analyze');
  } finally {
    await client.end({ timeout: 5 });
  }
}

/** Copies of orders that rest, one more for each of the accounts in turn, with numbers of their own. */
function restingOrders(count: number): string {
  return `
    with pattern as (
      select distinct on (account_id) * from orders where closed_at is null and status = 'open' order by account_id, id
    ), spread as (
      select p.*, n.n, row_number() over (partition by p.instrument_id, p.book) as place
      from (select p.*, row_number() over () as at, count(*) over () as patterns from pattern p) p
      join generate_series(1, ${count}) n (n) on n.n % p.patterns = p.at - 1
    ), last as (
      select instrument_id, book, max(book_seq) as seq from orders group by instrument_id, book
    ), made as (
      insert into orders (id, user_id, account_id, book, instrument_id, symbol, side, type, time_in_force, quantity,
        limit_price, post_only, reduce_only, idempotency_key, idempotency_index, request_hash, status,
        reservation_asset, reservation, wallet_id, book_seq, placed_at)
      select uuidv7(), s.user_id, s.account_id, s.book, s.instrument_id, s.symbol, s.side, s.type, s.time_in_force,
        s.quantity, s.limit_price, s.post_only, s.reduce_only, 'grown-' || gen_random_uuid(), 0, s.request_hash, s.status,
        s.reservation_asset, s.reservation, s.wallet_id, l.seq + s.place, now()
      from spread s join last l on l.instrument_id = s.instrument_id and l.book = s.book
      returning id, user_id, account_id, wallet_id, status, reservation
    ), reserved as (
      update wallets w set reserved = w.reserved + m.sum
      from (select wallet_id, sum(reservation) as sum from made group by wallet_id) m where w.id = m.wallet_id
    )
    insert into order_events (id, order_id, user_id, account_id, type, data, request_id, occurred_at)
    select uuidv7(), id, user_id, account_id, 'order.accepted',
      jsonb_build_object('status', status, 'reservation', trim_scale(reservation)::text), 'bench', now() from made`;
}
