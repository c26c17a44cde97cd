import { and, asc, desc, eq, gt, ne } from 'drizzle-orm';
import type { Json } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { openJson } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { DeclarationInput } from '../api.ts';
import { kycApplications } from '../schema.ts';
import type { KycApplication } from '../store.ts';
import { findingsOf } from './findings.ts';
import type { ProviderClaims } from './kyc-provider.ts';
import { decisionPlace } from './places.ts';
import { readKeptDecision } from './provider-named.ts';
import { kycProviderSessions } from './schema.ts';

type Session = typeof kycProviderSessions.$inferSelect;

/** A session, what the provider claims in it, and what of that is to be looked at. */
export type AnsweredSession = {
  readonly session: Session;
  readonly claims: readonly ProviderClaims[];
  readonly findings: readonly string[];
};

/** What a reviewer has to know of sessions; the applicant is never given any. */
export type ProviderNotice = {
  readonly code: (typeof NOTICES)[keyof typeof NOTICES] | 'provider_declined' | 'provider_warned';
  readonly sessionId: Id;
  /** Another application of the same person. */
  readonly applicationId?: Id;
};

const NOTICES = {
  name_differs: 'provider_name_differs',
  birth_date_differs: 'provider_birth_date_differs',
  nationality_differs: 'provider_nationality_differs',
  document_expired: 'provider_document_expired',
} as const;

/**
 * The sessions of an application, each held against what is declared now: a declaration can be changed after the
 * provider answered. Whoever decides has locked the gate, behind which answers are taken.
 * @shape oldest first
 */
export async function answeredSessions(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  declared: DeclarationInput | null,
): Promise<readonly AnsweredSession[]> {
  const sessions = await tx
    .select()
    .from(kycProviderSessions)
    .where(eq(kycProviderSessions.applicationId, application.id))
    .orderBy(asc(kycProviderSessions.id));
  const key = await ctx.deps.personKeys.find(tx, application.userId);
  return sessions.map((session) => {
    const decision =
      key === undefined || session.decision === null
        ? undefined
        : readKeptDecision(
            session.provider,
            session.sessionRef,
            openJson<Json>(key, decisionPlace(session.id), session.decision),
          );
    return decision === undefined
      ? { session, claims: [], findings: session.findings }
      : {
          session,
          claims: decision.claims,
          findings: findingsOf(decision, declared, ctx.deps.clock.now()),
        };
  });
}

/**
 * What providers say against approving an application as it is declared now; also where they declined the same
 * person in an application that was not approved since.
 * @shape by session, in a fixed order
 */
export async function providerNotices(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  declared: DeclarationInput,
): Promise<readonly ProviderNotice[]> {
  const sessions = await answeredSessions(tx, ctx, application, declared);
  return [
    ...sessions.flatMap(noticesOf),
    ...(await declinedElsewhere(tx, application)).map(
      ({ sessionId, applicationId }) => ({ code: 'provider_declined', sessionId, applicationId }) as const,
    ),
  ];
}

/**
 * The sessions a decision rests on. What was answered is named by a keyed digest: nobody without the key can hold a
 * guess against it.
 */
export async function sessionEvidence(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  declared: DeclarationInput,
): Promise<readonly object[]> {
  const sessions = await answeredSessions(tx, ctx, application, declared);
  return sessions.map(({ session, findings }) => ({
    id: session.id,
    provider: session.provider,
    status: session.status,
    version: session.version,
    answer: session.decisionHash === null ? null : digestOf(ctx, session.decisionHash),
    findings,
  }));
}

/** Whether a provider saw the person who is declared now, and nothing that contradicts it. */
export async function isSeenByProvider(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  declared: DeclarationInput,
): Promise<boolean> {
  const sessions = await answeredSessions(tx, ctx, application, declared);
  return (
    sessions.at(-1)?.session.status === 'approved' &&
    sessions.every((one) => noticesOf(one).every(({ code }) => code === 'provider_warned'))
  );
}

function noticesOf({ session, findings }: AnsweredSession): readonly ProviderNotice[] {
  const sessionId = session.id as Id;
  const differences = Object.entries(NOTICES).filter(([finding]) => findings.includes(finding));
  const more = findings.filter((finding) => !(finding in NOTICES));
  return [
    ...(session.status === 'declined' ? [{ code: 'provider_declined', sessionId } as const] : []),
    ...differences.map(([, code]) => ({ code, sessionId })),
    ...(more.length > 0 ? [{ code: 'provider_warned', sessionId } as const] : []),
  ];
}

async function declinedElsewhere(tx: Tx, { id, userId }: KycApplication) {
  // Whoever approved one had what was said before it in front of them.
  const [approved] = await tx
    .select({ id: kycApplications.id })
    .from(kycApplications)
    .where(
      and(
        eq(kycApplications.userId, userId),
        eq(kycApplications.status, 'approved'),
        ne(kycApplications.id, id),
      ),
    )
    .orderBy(desc(kycApplications.decidedAt), desc(kycApplications.id))
    .limit(1);
  const rows = await tx
    .select({ sessionId: kycProviderSessions.id, applicationId: kycProviderSessions.applicationId })
    .from(kycProviderSessions)
    .innerJoin(kycApplications, eq(kycApplications.id, kycProviderSessions.applicationId))
    .where(
      and(
        eq(kycProviderSessions.userId, userId),
        eq(kycProviderSessions.status, 'declined'),
        ne(kycProviderSessions.applicationId, id),
        ne(kycApplications.status, 'approved'),
        approved === undefined ? undefined : gt(kycApplications.id, approved.id),
      ),
    )
    .orderBy(asc(kycProviderSessions.id));
  return rows.map((row) => ({ sessionId: row.sessionId as Id, applicationId: row.applicationId as Id }));
}

function digestOf(ctx: Ctx, hash: Uint8Array): string {
  const said = Buffer.from(hash).toString('hex');
  return Buffer.from(ctx.deps.keyring.blindIndex('kyc_provider_sessions.decision', said)).toString('hex');
}
