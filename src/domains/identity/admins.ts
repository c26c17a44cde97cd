/**
 * Two admins first: until two people hold the role and each has a second factor, nobody acts as admin,
 * so that no installation begins in the hands of one. Someone suspended counts: whoever suspends one of
 * two admins must not stop the other. The sealed emergency login is exempt: it is for the day when the
 * admins are lost.
 */
import { and, eq, ne, sql } from 'drizzle-orm';
import type { Role } from '../../kernel/actor.ts';
import { type Deps, perDeps } from '../../platform/context.ts';
import { type BriefCache, briefCache } from './brief-cache.ts';
import { revocations } from './revocations.ts';
import { roleGrants, users } from './schema.ts';
import { secondFactorColumn } from './second-factor.ts';

type Admins = { readonly enough: boolean };

const NEEDED = 2;
/** There is one such fact in an installation; caches know things by an id. */
const THE_FACT = '00000000-0000-7000-8000-000000000000' as Parameters<BriefCache<Admins>['get']>[0];

const cached = perDeps((deps: Deps) => {
  const { listener, on } = revocations(deps);
  const cache = briefCache<Admins>({ listener, load: () => load(deps), ownerOf: () => THE_FACT });
  // A role, a factor or a status of anyone may change the count.
  on('user', () => cache.forget(THE_FACT));
  return cache;
});

/** What `actsAsLoneAdmin` says, where it is known without waiting; undefined where it must be asked. */
export function knownAsLoneAdmin(
  deps: Deps,
  roles: readonly Role[],
  methods: readonly string[],
): boolean | undefined {
  if (!roles.includes('admin') || methods.includes('break_glass')) {
    return false;
  }
  const admins = cached(deps).peek(THE_FACT);
  return admins === undefined ? undefined : !admins.enough;
}

/** Whether this person would act as admin although there is no second one yet. */
export async function actsAsLoneAdmin(
  deps: Deps,
  roles: readonly Role[],
  methods: readonly string[],
): Promise<boolean> {
  if (!roles.includes('admin') || methods.includes('break_glass')) {
    return false;
  }
  const admins = await cached(deps).get(THE_FACT);
  return admins?.enough !== true;
}

async function load(deps: Deps): Promise<Admins> {
  const rows = await deps.db.engine
    .select({ id: users.id })
    .from(users)
    .innerJoin(roleGrants, and(eq(roleGrants.userId, users.id), eq(roleGrants.role, 'admin')))
    .where(and(ne(users.status, 'closed'), sql`${secondFactorColumn}`))
    .limit(NEEDED);
  return { enough: rows.length >= NEEDED };
}
