import { eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { sealJson, sealText } from '../../platform/crypto/seal.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { phoneIndexOf } from './create-user.ts';
import { refuseIdentity } from './errors.ts';
import { openUser, type Profile, profileFrom, userPlace } from './profile.ts';
import { isVerifiedIdentity } from './rules.ts';
import { customerGates, users } from './schema.ts';
import { signedIn } from './signed-in.ts';
import { type Me, readMe } from './store.ts';
import { type RiskProfile, suitabilityShown } from './suitability.ts';

export type ProfileChange = {
  readonly [Member in keyof Profile]?: Profile[Member] | undefined;
} & {
  readonly phone?: string | undefined;
  /** What the person says of the risk they bear: what leverage suits them follows from it. */
  readonly riskProfile?: RiskProfile | undefined;
};

/**
 * Changes one's own profile. What KYC has verified or is looking at is changed by a new application,
 * not here.
 * @effects one row of `users`; audit `user.updated` with the names of the members, not their content, but for the
 *   leverage that suits before and after; event `identity.profile_changed`, for machines only
 * @errors version_mismatch, profile_locked
 */
export async function updateMe(ctx: Ctx, change: ProfileChange): Promise<Me> {
  const { userId } = signedIn(ctx);
  const changed = Object.keys(change).sort();
  return transact(ctx, 'app', async (tx) => {
    const user = present(await lockRow(tx, users, userId), 'the user is signed in');
    if (user.version !== ctx.ifMatch) {
      throw refuse('version_mismatch');
    }
    const [gate] = await tx.select().from(customerGates).where(eq(customerGates.userId, userId));
    if (gate?.kycStatus !== 'not_started' && changed.some(isVerifiedIdentity)) {
      throw refuseIdentity('profile_locked');
    }
    const key = await ctx.deps.personKeys.of(tx, userId);
    const { profile } = openUser(key, user);
    const { phone, riskProfile, ...said } = change;
    const names = {
      firstName: said.firstName ?? profile.firstName,
      lastName: said.lastName ?? profile.lastName,
    };
    await tx
      .update(users)
      .set({
        profile: sealJson(key, userPlace('profile', userId), profileFrom({ ...profile, ...said, ...names })),
        ...(phone === undefined
          ? {}
          : {
              phone: sealText(key, userPlace('phone', userId), phone),
              phoneIndex: phoneIndexOf(ctx, phone),
            }),
        ...(riskProfile === undefined ? {} : { riskProfile }),
        version: user.version + 1,
        updatedAt: ctx.deps.clock.now(),
      })
      .where(eq(users.id, userId));
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['user.updated'],
      resource: { type: 'user', id: userId },
      subjectUserId: userId,
      before: { version: user.version, ...suiting(change, user.riskProfile) },
      after: { version: user.version + 1, changed, ...suiting(change, riskProfile ?? null) },
    });
    await publish(tx, ctx, [
      { type: 'identity.profile_changed', userId, customerVisible: false, data: { members: changed } },
    ]);
    return readMe(tx, ctx, userId);
  });
}

/** Where the profile changes: what a leveraged order will be held against. */
function suiting({ riskProfile }: ProfileChange, profile: RiskProfile | null) {
  return riskProfile === undefined ? {} : { suitableLeverage: suitabilityShown(profile) };
}
