import { eq } from 'drizzle-orm';
import { openJson } from '../../platform/crypto/seal.ts';
import type { PersonalData } from '../../platform/domain.ts';
import { acceptancePlace } from './accept-agreement.ts';
import { clientPlace, type SessionClient } from './open-session.ts';
import { agreementAcceptances, apiKeys, sessions } from './schema.ts';
import { readMe, viewOfKey } from './store.ts';

/** What identity holds on a person, without hashes and secrets. */
export const personalIdentity: PersonalData = {
  name: 'identity',
  exportOf: async (tx, ctx, userId) => {
    const key = await ctx.deps.personKeys.of(tx, userId);
    const sessionRows = await tx.select().from(sessions).where(eq(sessions.userId, userId));
    const keyRows = await tx.select().from(apiKeys).where(eq(apiKeys.userId, userId));
    const accepted = await tx
      .select()
      .from(agreementAcceptances)
      .where(eq(agreementAcceptances.userId, userId));
    return {
      person: await readMe(tx, ctx, userId),
      sessions: sessionRows.map((session) => ({
        ...openJson<SessionClient>(key, clientPlace(session.id), session.client),
        id: session.id,
        loggedInAt: session.loggedInAt,
        lastActiveAt: session.lastActiveAt,
        revokedAt: session.revokedAt,
        revokedReason: session.revokedReason,
      })),
      apiKeys: keyRows.map(viewOfKey),
      agreements: accepted.map((row) => ({
        ...openJson<SessionClient>(key, acceptancePlace(userId, row.agreementId), row.client),
        agreementId: row.agreementId,
        acceptedAt: row.acceptedAt,
      })),
    };
  },
};
