/** The customers of a benchmark: verified, agreed to everything, and signed in. */
import { type SQL, sql } from 'drizzle-orm';
import { issueAccessToken } from '../../src/domains/identity/access-tokens.ts';
import type { Id } from '../../src/kernel/id.ts';
import type { Ctx } from '../../src/platform/context.ts';
import type { Tx } from '../../src/platform/db/client.ts';
import { arrayLiteral } from '../../src/platform/db/insert-rows.ts';

export type Person = { readonly id: Id; readonly session: Id };

/** Makes all of them at once. */
export async function insertPersons(tx: Tx, ctx: Ctx, people: readonly Person[]): Promise<void> {
  const ids = sql`${column(people.map(({ id }) => id))}::uuid[]`;
  const sessions = sql`${column(people.map(({ session }) => session))}::uuid[]`;
  await tx.execute(sql`insert into users (id, email, email_index, profile, status, created_at, updated_at)
    select id, '\\x01', uuid_send(id), '\\x01', 'active', now(), now() from unnest(${ids}) u (id)`);
  await tx.execute(sql`insert into customer_gates (user_id, kyc_status, kyc_level, screening, restriction,
      agreements_current, changed_by, changed_at)
    select id, 'approved', 'standard', 'clear', 'none', true, 'bench', now() from unnest(${ids}) u (id)`);
  await tx.execute(sql`insert into role_grants (user_id, role, granted_at)
    select id, 'customer', now() from unnest(${ids}) u (id)`);
  await tx.execute(sql`insert into sessions (id, user_id, refresh_hash, client, methods, logged_in_at, last_active_at,
      idle_expires_at, absolute_expires_at)
    select s, u, uuid_send(s) || uuid_send(s), '\\x01', '{pwd}', now(), now(), now() + interval '1 day',
      now() + interval '1 day'
    from unnest(${ids}, ${sessions}) t (u, s)`);
  for (const { id } of people) {
    await ctx.deps.personKeys.create(tx, id, ctx.deps.clock.now());
  }
}

/** A token of ten minutes. */
export function tokenOf(ctx: Ctx, { id, session }: Person): Promise<string> {
  const subject = {
    userId: id,
    sessionId: session,
    roles: ['customer'],
    methods: ['pwd'],
    mfaAtMs: null,
  };
  return issueAccessToken(ctx.deps, subject);
}

/** Values as the text of an array. */
export function column(values: readonly string[]): SQL {
  return sql`${sql.param(arrayLiteral(values))}`;
}
