import { and, desc, eq, inArray } from 'drizzle-orm';
import type { Ctx } from '../../../platform/context.ts';
import { openJson } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { DeclarationInput } from '../api.ts';
import { kycRiskSignals } from '../risk/schema.ts';
import type { KycApplication } from '../store.ts';
import { declarationContentPlace } from './declaration-place.ts';
import type { DeclarationContent } from './declarations-api.ts';
import { kycDeclarations } from './schema.ts';

/** What an application says in forms of their own, of each the newest. */
export type Forms = {
  readonly pep?: DeclarationContent<'pep'>;
  readonly tax_residence?: DeclarationContent<'tax_residence'>;
  readonly fatca_crs?: DeclarationContent<'fatca_crs'>;
  readonly beneficial_owner?: DeclarationContent<'beneficial_owner'>;
};

const KINDS = [
  'pep',
  'tax_residence',
  'fatca_crs',
  'beneficial_owner',
] as const satisfies readonly (keyof Forms)[];

/** Opens the newest forms of an application; none where the key was destroyed. */
export async function formsOf(
  tx: Tx,
  ctx: Ctx,
  { id, userId }: Pick<KycApplication, 'id' | 'userId'>,
): Promise<Forms> {
  const key = await ctx.deps.personKeys.find(tx, userId);
  if (key === undefined) {
    return {};
  }
  const rows = await tx
    .selectDistinctOn([kycDeclarations.kind], {
      id: kycDeclarations.id,
      kind: kycDeclarations.kind,
      content: kycDeclarations.content,
    })
    .from(kycDeclarations)
    .where(and(eq(kycDeclarations.applicationId, id), inArray(kycDeclarations.kind, [...KINDS])))
    .orderBy(kycDeclarations.kind, desc(kycDeclarations.revision));
  return Object.fromEntries(
    rows.map((row) => [row.kind, openJson(key, declarationContentPlace(row.id), row.content)]),
  );
}

/** Whether somebody says that they are politically exposed, here or there. */
export function saysExposed(declaration: DeclarationInput, forms: Forms): boolean {
  return declaration.politicallyExposed || forms.pep !== undefined;
}

/** Whether somebody is politically exposed, by what they say or by what was found of them. */
export async function isExposed(
  tx: Tx,
  { userId }: Pick<KycApplication, 'userId'>,
  declaration: DeclarationInput,
  forms: Forms,
): Promise<boolean> {
  if (saysExposed(declaration, forms)) {
    return true;
  }
  const [found] = await tx
    .select({ id: kycRiskSignals.id })
    .from(kycRiskSignals)
    .where(and(eq(kycRiskSignals.userId, userId), eq(kycRiskSignals.kind, 'pep_found')))
    .limit(1);
  return found !== undefined;
}
