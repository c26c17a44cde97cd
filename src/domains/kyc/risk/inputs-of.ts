import { and, desc, eq, gt, isNotNull, sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { profileOf, readGates } from '../../identity/index.ts';
import { partiesOf } from '../applications/parties-of.ts';
import { kycProviderSessions } from '../providers/schema.ts';
import { kycApplications } from '../schema.ts';
import { declarationOf, type KycApplication } from '../store.ts';
import { addMonths } from './months.ts';
import { occupationClasses } from './occupation-class.ts';
import type { RiskInputs } from './rate.ts';
import { kycRiskSignals } from './schema.ts';

/** What a person is rated on, and the application it is mostly from. */
export type GatheredInputs = { readonly applicationId: Id; readonly inputs: RiskInputs };

/** How long what somebody did counts. @units months */
const BEHAVIOUR_MONTHS = 12;

/**
 * Everything a rating looks at, as it is known now: the application handed in last, the profile, who stands behind
 * a legal person, what alerts said. Undefined for who never applied and for whom was erased.
 */
export async function inputsOf(tx: Tx, ctx: Ctx, userId: Id): Promise<GatheredInputs | undefined> {
  const [application] = await tx
    .select()
    .from(kycApplications)
    .where(and(eq(kycApplications.userId, userId), isNotNull(kycApplications.submittedAt)))
    .orderBy(desc(kycApplications.id))
    .limit(1);
  const declared = application === undefined ? null : await declarationOf(tx, ctx, application);
  if (application === undefined || declared === null) {
    return undefined;
  }
  const profile = await profileOf(tx, ctx, userId);
  const parties = await partiesOf(tx, ctx, userId);
  const signals = await signalsOf(tx, ctx, userId);
  const gate = (await readGates(tx, [userId])).get(userId);
  const said = [declared.nationality, declared.address.country, declared.taxResidence];
  const kept = [profile?.nationality, profile?.address?.country, profile?.taxResidence];
  const behind = parties.flatMap((party) => party.countries);
  const declaredPep = declared.politicallyExposed ? ['declared'] : [];
  const foundPep = signals.kinds.has('pep_found') ? ['found'] : [];
  const pep = [...declaredPep, ...foundPep];
  return {
    applicationId: application.id,
    inputs: {
      geography: unique([...said, ...kept, ...behind]),
      product: unique([application.level, gate?.kycLevel === 'none' ? undefined : gate?.kycLevel]),
      channel: [(await isVerified(tx, application)) ? 'provider_verified' : 'remote'],
      occupation: unique([...occupationClasses(declared.occupation)]),
      pep: pep.length === 0 ? ['none'] : pep,
      adverse: [signals.kinds.has('adverse_media') ? 'found' : 'none'],
      ownership: [ownershipOf(parties)],
      screening: [gate?.screening === 'confirmed' ? 'confirmed' : 'clear'],
      behaviourPoints: signals.points,
      suspicion: signals.kinds.has('suspicion'),
    },
  };
}

function unique(codes: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(codes.filter((code) => code !== undefined))].sort();
}

/** Another legal person among those behind one is a layer of ownership. */
function ownershipOf(parties: readonly { readonly role: string; readonly kind: string }[]): string {
  if (parties.length === 0) {
    return 'natural';
  }
  const layered = parties.some(({ role, kind }) => role !== 'applicant' && kind === 'organisation');
  return layered ? 'layered' : 'legal';
}

/** A provider's word makes a customer seen less remotely; it opens no gate. */
async function isVerified(tx: Tx, { id }: KycApplication): Promise<boolean> {
  const sessions = await tx
    .select({ status: kycProviderSessions.status })
    .from(kycProviderSessions)
    .where(eq(kycProviderSessions.applicationId, id))
    .orderBy(desc(kycProviderSessions.id))
    .limit(1);
  return sessions[0]?.status === 'approved';
}

/** What was found of a person stays; what they did counts for a year. */
async function signalsOf(tx: Tx, ctx: Ctx, userId: Id) {
  const since = addMonths(ctx.deps.clock.now(), -BEHAVIOUR_MONTHS);
  const rows = await tx
    .select({
      kind: kycRiskSignals.kind,
      points: sql<number>`coalesce(sum(${kycRiskSignals.points}) filter (where ${gt(kycRiskSignals.at, since)}), 0)::int`,
    })
    .from(kycRiskSignals)
    .where(eq(kycRiskSignals.userId, userId))
    .groupBy(kycRiskSignals.kind);
  return {
    kinds: new Set(rows.map(({ kind }) => kind)),
    points: rows.reduce((sum, { points }) => sum + points, 0),
  };
}
