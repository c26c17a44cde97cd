import { and, desc, eq, gt, inArray, isNotNull, type SQL, sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { DataKey } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { profileOf, readGates } from '../../identity/index.ts';
import type { DeclarationInput } from '../api.ts';
import { formsOf, saysExposed } from '../applications/forms-of.ts';
import { companyOf, partiesOf } from '../applications/parties-of.ts';
import { isSeenByProvider } from '../providers/answered-sessions.ts';
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
 * Everything a rating looks at, as it is known now: what somebody was approved with and what of them waits for a
 * decision, or one of these alone, the profile, who stands behind a legal person, what alerts said. Undefined for who
 * never applied and for whom was erased.
 */
export async function inputsOf(
  tx: Tx,
  ctx: Ctx,
  userId: Id,
  onlyId?: Id,
): Promise<GatheredInputs | undefined> {
  const everything = await saidBy(tx, ctx, userId);
  const said = everything.filter(({ applicationId }) => onlyId === undefined || applicationId === onlyId);
  const [newest] = said;
  if (newest === undefined) {
    return undefined;
  }
  const profile = await profileOf(tx, ctx, userId);
  const signals = await signalsOf(tx, ctx, userId);
  const gate = (await readGates(tx, [userId])).get(userId);
  const kept = [profile?.nationality, profile?.address?.country, profile?.taxResidence];
  const foundPep = signals.kinds.has('pep_found') ? ['found'] : [];
  const pep = unique([...said.flatMap((one) => one.pep), ...foundPep]);
  return {
    applicationId: newest.applicationId,
    inputs: {
      geography: unique([...said.flatMap(({ geography }) => geography), ...kept]),
      product: unique([
        ...said.map(({ product }) => product),
        gate?.kycLevel === 'none' ? undefined : gate?.kycLevel,
      ]),
      channel: unique(said.map(({ channel }) => channel)),
      occupation: unique(said.flatMap(({ occupation }) => occupation)),
      pep: pep.length === 0 ? ['none'] : pep,
      adverse: [signals.kinds.has('adverse_media') ? 'found' : 'none'],
      ownership: unique(said.map(({ ownership }) => ownership)),
      screening: [gate?.screening === 'confirmed' ? 'confirmed' : 'clear'],
      behaviourPoints: signals.points,
      suspicion: signals.kinds.has('suspicion'),
    },
  };
}

/** What each application that counts says, the one that waits first: of each factor, the worst of them counts. */
async function saidBy(tx: Tx, ctx: Ctx, userId: Id): Promise<readonly Said[]> {
  const key = await ctx.deps.personKeys.find(tx, userId);
  const applications = key === undefined ? [] : await countedApplications(tx, userId);
  const said: Said[] = [];
  for (const application of applications) {
    const declared = await declarationOf(tx, ctx, application);
    if (key !== undefined && declared !== null) {
      // A provider's word makes a customer seen less remotely; it opens no gate.
      const channel = (await isSeenByProvider(tx, ctx, application, declared))
        ? 'provider_verified'
        : 'remote';
      said.push({ ...(await saidIn(tx, ctx, key, application, declared)), channel });
    }
  }
  return said;
}

type Said = {
  readonly applicationId: Id;
  readonly geography: readonly string[];
  readonly product: string;
  readonly channel: string;
  readonly occupation: readonly string[];
  readonly pep: readonly string[];
  readonly ownership: string;
};

async function saidIn(
  tx: Tx,
  ctx: Ctx,
  key: DataKey,
  application: KycApplication,
  declared: DeclarationInput,
): Promise<Omit<Said, 'channel'>> {
  const parties = await partiesOf(tx, key, application);
  const behind = parties.flatMap((party) => party.countries);
  const company = await companyOf(tx, ctx, application);
  const forms = await formsOf(tx, ctx, application);
  const taxed = forms.tax_residence?.residences.map(({ country }) => country) ?? [];
  return {
    applicationId: application.id,
    geography: [
      declared.nationality,
      declared.address.country,
      declared.taxResidence,
      ...behind,
      ...taxed,
      ...(company === null ? [] : [company.registeredAddress.country, ...company.taxResidences]),
    ],
    product: application.level,
    occupation: [...occupationClasses(declared.occupation)],
    pep: saysExposed(declared, forms) ? ['declared'] : [],
    ownership: ownershipOf(parties),
  };
}

/**
 * The application that waits and the one approved last; where none was ever approved, the one handed in last. What
 * was taken back, refused or sent back, and can be edited unseen, takes nothing off what somebody was approved with.
 */
async function countedApplications(tx: Tx, userId: Id): Promise<readonly KycApplication[]> {
  const newest = async (which: SQL, ...order: readonly SQL[]) =>
    tx
      .select()
      .from(kycApplications)
      .where(and(eq(kycApplications.userId, userId), which))
      .orderBy(...order, desc(kycApplications.id))
      .limit(1);
  const approved = await newest(eq(kycApplications.status, 'approved'), desc(kycApplications.decidedAt));
  return approved.length === 0
    ? newest(isNotNull(kycApplications.submittedAt))
    : [...(await newest(inArray(kycApplications.status, ['submitted', 'under_review']))), ...approved];
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
