import { and, desc, eq, inArray, isNotNull } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { type DataKey, openJson, sealJson } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import type { Ciphertext } from '../../platform/db/columns.ts';
import type { DeclarationInput } from './api.ts';
import type { CompanyInput } from './applications/company.ts';
import { companyOf, companyPlace } from './applications/parties-of.ts';
import { kycApplications } from './schema.ts';
import { declarationPlace, type KycApplication } from './store.ts';

/** What somebody said of themselves, and of the legal person they act for, when they handed it in. */
export type Declared = {
  readonly declaration: DeclarationInput;
  readonly company: CompanyInput | null;
};

/** Keeps what is handed in as it is said now: what is sent back can be edited. */
export async function keepDeclared(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  declaration: DeclarationInput,
): Promise<Ciphertext> {
  const key = await ctx.deps.personKeys.of(tx, application.userId);
  const declared: Declared = { declaration, company: await companyOf(tx, ctx, application) };
  return sealJson(key, handedInPlace(application.id), declared);
}

/**
 * What the firm says of people to others: what they declared in the application approved last, else in the one handed
 * in last, as it was handed in. What was edited since it was sent back is nobody's word yet.
 * @shape one entry per person of whom there is such a word, and who was not erased
 */
export async function declaredBy(
  tx: Tx,
  ctx: Ctx,
  userIds: readonly Id[],
): Promise<ReadonlyMap<Id, Declared>> {
  const keys = await ctx.deps.personKeys.ofMany(tx, userIds);
  const people = [...keys.keys()];
  if (people.length === 0) {
    return new Map();
  }
  const rows = await tx
    .select()
    .from(kycApplications)
    .where(and(inArray(kycApplications.userId, people), isNotNull(kycApplications.submittedAt)))
    .orderBy(desc(eq(kycApplications.status, 'approved')), desc(kycApplications.id));
  const found = new Map<Id, Declared>();
  for (const row of rows) {
    const key = keys.get(row.userId);
    const declared = key === undefined || found.has(row.userId) ? undefined : asHandedIn(key, row);
    if (declared !== undefined) {
      found.set(row.userId, declared);
    }
  }
  return found;
}

/** Opens what was kept when an application was handed in; null where nothing was. */
export function openDeclared(
  key: DataKey,
  { id, handedIn }: Pick<KycApplication, 'id' | 'handedIn'>,
): Declared | null {
  return handedIn === null ? null : openJson<Declared>(key, handedInPlace(id), handedIn);
}

/** Those that were handed in before it was kept say it themselves where nobody could edit them since. */
function asHandedIn(key: DataKey, application: KycApplication): Declared | undefined {
  const { id, status, declaration, company } = application;
  const kept = openDeclared(key, application);
  if (kept !== null || status === 'resubmission_required' || status === 'withdrawn') {
    return kept ?? undefined;
  }
  return {
    declaration: openJson<DeclarationInput>(key, declarationPlace(id), declaration),
    company: company === null ? null : openJson<CompanyInput>(key, companyPlace(id), company),
  };
}

function handedInPlace(applicationId: Id) {
  return { table: 'kyc_applications', column: 'handed_in', rowId: applicationId };
}
