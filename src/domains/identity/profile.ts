/**
 * What a person said of themselves, sealed under their own key (I10). Opened only where it is needed;
 * everyone else gets initials.
 */
import { eq, inArray } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { DataKey, Place } from '../../platform/crypto/seal.ts';
import { openJson, openText } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { users } from './schema.ts';

export type Address = {
  readonly street: string;
  readonly city: string;
  readonly state?: string | undefined;
  /** @units ISO 3166-1 alpha-3 */
  readonly country: string;
  readonly postalCode?: string | undefined;
};

export type Profile = {
  readonly firstName: string;
  readonly lastName: string;
  readonly displayName?: string | undefined;
  /** @units YYYY-MM-DD */
  readonly birthDate?: string | undefined;
  readonly birthPlace?: string | undefined;
  readonly gender?: 'female' | 'male' | 'other' | undefined;
  /** @units ISO 3166-1 alpha-3 */
  readonly nationality?: string | undefined;
  readonly address?: Address | undefined;
  readonly occupation?: string | undefined;
  /** @units ISO 3166-1 alpha-3 */
  readonly taxResidence?: string | undefined;
};

/** The members of a profile among others, such as a request's. */
export function profileFrom(said: Profile): Profile {
  const members = PROFILE_MEMBERS.filter((name) => said[name] !== undefined).map((name) => [
    name,
    said[name],
  ]);
  // Both names are required members of what comes in, so both are among those that go out.
  return Object.fromEntries(members) as unknown as Profile;
}

export const PROFILE_MEMBERS = [
  'firstName',
  'lastName',
  'displayName',
  'birthDate',
  'birthPlace',
  'gender',
  'nationality',
  'address',
  'occupation',
  'taxResidence',
] as const satisfies readonly (keyof Profile)[];

export type PersonName = { readonly firstName: string; readonly lastName: string };

/** Where a sealed column of a user lives. */
export function userPlace(column: 'email' | 'phone' | 'profile', userId: Id): Place {
  return { table: 'users', column, rowId: userId };
}

/** The profile of a person; undefined where there is no such user, they were erased, or are out of sight. */
export async function profileOf(tx: Tx, ctx: Ctx, userId: Id): Promise<Profile | undefined> {
  const [user] = await tx.select({ profile: users.profile }).from(users).where(eq(users.id, userId));
  if (user === undefined) {
    return undefined;
  }
  const key = await ctx.deps.personKeys.find(tx, userId);
  return key === undefined ? undefined : openJson<Profile>(key, userPlace('profile', userId), user.profile);
}

/**
 * The profiles of many people, read at once.
 * @shape one entry per person who is there and was not erased
 */
export async function profilesOf(
  tx: Tx,
  ctx: Ctx,
  userIds: readonly Id[],
): Promise<ReadonlyMap<Id, Profile>> {
  const keys = await ctx.deps.personKeys.ofMany(tx, userIds);
  const rows = await tx
    .select({ id: users.id, profile: users.profile })
    .from(users)
    .where(inArray(users.id, [...userIds]));
  return new Map(
    rows.flatMap(({ id, profile }) => {
      const key = keys.get(id);
      return key === undefined ? [] : [[id, openJson<Profile>(key, userPlace('profile', id), profile)]];
    }),
  );
}

/** The name money paths compare with a payer's or a beneficiary's; empty for nobody, so that none fits. */
export async function personNameOf(tx: Tx, ctx: Ctx, userId: Id): Promise<PersonName> {
  const profile = await profileOf(tx, ctx, userId);
  return { firstName: profile?.firstName ?? '', lastName: profile?.lastName ?? '' };
}

type SealedUser = Pick<typeof users.$inferSelect, 'id' | 'email' | 'phone' | 'profile'>;

/** Opens every sealed column of a user. @errors SealError */
export function openUser(
  key: DataKey,
  user: SealedUser,
): { readonly email: string; readonly phone: string | null; readonly profile: Profile } {
  return {
    email: openText(key, userPlace('email', user.id), user.email),
    phone: user.phone === null ? null : openText(key, userPlace('phone', user.id), user.phone),
    profile: openJson<Profile>(key, userPlace('profile', user.id), user.profile),
  };
}
