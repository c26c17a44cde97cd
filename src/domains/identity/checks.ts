import { sql } from 'drizzle-orm';
import type { Check } from '../../platform/domain.ts';
import { look } from '../../platform/look.ts';

const countUsers = sql`select count(*)::int as seen from users`;

export const identityChecks: readonly Check[] = [
  {
    name: 'identity.users_have_gates',
    invariant: 'I8',
    run: (tx) =>
      look(
        tx,
        countUsers,
        sql`select 'user ' || u.id as object, 'has no gate' as detail from users u
            where not exists (select 1 from customer_gates g where g.user_id = u.id)`,
      ),
  },
  {
    name: 'identity.gates_obey_every_cause',
    invariant: 'I8',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from customer_gates`,
        sql`
          with standing as (
            select g.user_id, g.restriction::text as restriction, coalesce((
              select r.restriction::text from gate_restrictions r
              where r.user_id = g.user_id and r.lifted_at is null
              order by array_position(array['frozen', 'reduce_only', 'no_out'], r.restriction::text) limit 1
            ), 'none') as due
            from customer_gates g
          )
          select 'user ' || user_id as object, 'is ' || restriction || ' and should be ' || due as detail
            from standing where restriction <> due
          union all
          select 'user ' || g.user_id, 'is a confirmed match without a restriction for it' from customer_gates g
            where g.screening = 'confirmed' and not exists (select 1 from gate_restrictions r
              where r.user_id = g.user_id and r.cause = 'sanctions' and r.lifted_at is null)
          union all
          select 'user ' || r.user_id, 'is restricted for sanctions and not confirmed' from gate_restrictions r
            join customer_gates g on g.user_id = r.user_id
            where r.cause = 'sanctions' and r.lifted_at is null and g.screening <> 'confirmed'`,
      ),
  },
  {
    name: 'identity.users_have_keys',
    invariant: 'I10',
    run: (tx) =>
      look(
        tx,
        countUsers,
        sql`select 'user ' || u.id as object, 'has no data key although not erased' as detail from users u
            where u.deleted_at is null
              and not exists (select 1 from person_keys k where k.user_id = u.id)`,
      ),
  },
  {
    name: 'identity.users_have_roles',
    invariant: 'I12',
    run: (tx) =>
      look(
        tx,
        countUsers,
        sql`select 'user ' || u.id as object, 'holds no role' as detail from users u
            where u.deleted_at is null
              and not exists (select 1 from role_grants r where r.user_id = u.id)`,
      ),
  },
  {
    name: 'identity.shut_out_users_have_no_session',
    invariant: 'I8',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from sessions`,
        sql`select 'session ' || s.id as object, 'is live although its user is ' || u.status as detail
            from sessions s join users u on u.id = s.user_id
            where s.revoked_at is null and u.status in ('suspended', 'closed')`,
      ),
  },
  {
    name: 'identity.granted_roles_name_two_people',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from role_grants`,
        sql`select 'role ' || r.role || ' of user ' || r.user_id as object,
              'was granted by themselves or without an executed approval' as detail
            from role_grants r left join approvals a on a.id = r.approval_id
            where r.granted_by is not null
              and (r.granted_by = r.user_id or a.status is distinct from 'executed')`,
      ),
  },
  {
    name: 'identity.service_keys_name_two_people',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from api_keys`,
        sql`select 'api key ' || k.id as object, 'works without another person having approved it' as detail
            from api_keys k left join approvals a on a.id = k.approval_id
            where k.service and k.activated_at is not null
              and (a.action is distinct from 'api_key.activate' or a.status is distinct from 'executed'
                or a.subject_user_id is distinct from k.user_id
                or not exists (select 1 from approval_votes v
                  where v.approval_id = a.id and v.vote = 'approve' and v.checker_id <> k.user_id))`,
      ),
  },
  {
    name: 'identity.closed_users_say_when',
    invariant: 'retention',
    run: (tx) =>
      look(
        tx,
        countUsers,
        sql`select 'user ' || id as object, 'is ' || status || ', closed at ' || coalesce(closed_at::text, 'no time')
              as detail
            from users where (status = 'closed') <> (closed_at is not null)`,
      ),
  },
  {
    name: 'identity.erased_users_hold_nothing',
    invariant: 'I10',
    run: (tx) =>
      look(
        tx,
        countUsers,
        sql`select 'user ' || u.id as object, 'was erased and yet is ' || u.status || ' or holds a key, a way in or a role'
              as detail
            from users u
            where u.deleted_at is not null and (u.status <> 'closed' or u.phone_index is not null
              or exists (select 1 from person_keys k where k.user_id = u.id)
              or exists (select 1 from credentials c where c.user_id = u.id)
              or exists (select 1 from api_keys a where a.user_id = u.id)
              or exists (select 1 from role_grants r where r.user_id = u.id))`,
      ),
  },
];
