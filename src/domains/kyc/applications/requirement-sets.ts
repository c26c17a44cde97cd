import { hash } from 'node:crypto';
import { and, desc, eq } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import { canonicalJson } from '../../../kernel/canonical-json.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { ApprovalAction, ApprovedAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { KYC_EVENTS } from '../audit.ts';
import { refuseKyc } from '../errors.ts';
import { kycLevels } from '../schema.ts';
import { activeSet } from './items.ts';
import type { NewRequirementsInput } from './requirements-api.ts';
import { kycRequirementSets, kycRequirements } from './schema.ts';

/** What the firm asks of applicants, in the set in force. */
export async function listRequirements(ctx: Ctx) {
  return transact(ctx, 'staff', async (tx) => {
    const active = await activeSet(tx);
    return { ...active, requirements: await requirementsIn(tx, active.version) };
  });
}

/** One set as it was proposed, for who is asked to agree to it. @errors not_found */
export async function getRequirementSet(ctx: Ctx, setId: Id) {
  return transact(ctx, 'staff', async (tx) => {
    const [set] = await tx.select().from(kycRequirementSets).where(eq(kycRequirementSets.id, setId));
    if (set === undefined) {
      throw refuse('not_found');
    }
    return { ...set, requirements: await requirementsIn(tx, set.version) };
  });
}

/**
 * Proposes what applicants have to show from now on, as a whole; another person puts it in force. Applications that
 * wait stay under the set they were handed in under.
 * @effects rows of `kyc_requirement_sets`, `kyc_requirements` and `approvals`; audit
 * @errors requirements_invalid
 */
export async function proposeRequirements(
  ctx: Ctx,
  { requirements, beneficialOwnerBps, reason }: NewRequirementsInput,
): Promise<Approval> {
  return transact(ctx, 'staff', async (tx) => {
    await refuseEmptyLevels(tx, requirements);
    await lockExclusive(tx, ['kyc_requirement_sets']);
    const [last] = await tx
      .select({ version: kycRequirementSets.version })
      .from(kycRequirementSets)
      .orderBy(desc(kycRequirementSets.version))
      .limit(1);
    const id = newId();
    const version = (last?.version ?? 0) + 1;
    const base = await activeSet(tx);
    const set = {
      id,
      version,
      status: 'draft',
      createdBy: present(personOf(ctx.actor), 'a set is proposed by a person'),
      createdAt: ctx.deps.clock.now(),
      beneficialOwnerBps: beneficialOwnerBps ?? base.beneficialOwnerBps,
    };
    await tx.insert(kycRequirementSets).values(set);
    await tx.insert(kycRequirements).values(
      requirements.map((one) => ({
        id: newId(),
        setVersion: version,
        level: one.level,
        applicantKind: one.applicantKind,
        nationality: one.nationality ?? null,
        riskLevel: one.riskLevel ?? null,
        onlyPep: one.onlyPep ?? false,
        item: one.item,
        alternatives: one.alternatives,
        maxAgeDays: one.maxAgeDays ?? null,
      })),
    );
    await record(tx, ctx, {
      event: KYC_EVENTS['kyc_requirements.proposed'],
      resource: { type: 'kyc_requirement_set', id },
      subjectUserId: null,
      after: set,
    });
    return requestApproval(tx, ctx, {
      action: activateRequirementsAction.action,
      subjectType: 'kyc_requirement_set',
      subjectId: id,
      subjectUserId: null,
      payload: {
        version,
        baseVersion: base.version,
        requirements: requirements.length,
        contentHash: await contentHashOf(tx, set),
      },
      quorum: 1,
      checkerRoles: ['mlro', 'admin'],
      reason,
    });
  });
}

/** Runs when another person agrees to what applicants have to show. */
export const activateRequirementsAction: ApprovalAction = {
  action: 'kyc_requirements.activate',
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'approved actions run in the transaction of the vote');
    await lockExclusive(tx, ['kyc_requirement_sets']);
    const active = await activeSet(tx);
    await refuseOthers(tx, approved, active.version);
    await tx
      .update(kycRequirementSets)
      .set({ status: 'retired' })
      .where(eq(kycRequirementSets.id, active.id));
    await record(tx, ctx, {
      event: KYC_EVENTS['kyc_requirements.retired'],
      resource: { type: 'kyc_requirement_set', id: active.id },
      subjectUserId: null,
      before: active,
      after: { ...active, status: 'retired' },
    });
    const [row] = await tx
      .update(kycRequirementSets)
      .set({ status: 'active', approvalId: approved.approvalId, activatedAt: ctx.deps.clock.now() })
      .where(and(eq(kycRequirementSets.id, approved.subjectId), eq(kycRequirementSets.status, 'draft')))
      .returning();
    const set = present(row, 'a set that waits for its approval is a draft');
    await record(tx, ctx, {
      event: KYC_EVENTS['kyc_requirements.activated'],
      resource: { type: 'kyc_requirement_set', id: set.id },
      subjectUserId: null,
      after: set,
    });
  },
  refused: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an approval ends in a transaction');
    await retire(tx, approved.subjectId);
  },
};

/**
 * What was agreed to is what was proposed, in the place of what it was proposed against.
 * @errors requirements_changed
 */
async function refuseOthers(
  tx: Tx,
  { subjectId, payload }: Pick<ApprovedAction, 'subjectId' | 'payload'>,
  activeVersion: number,
): Promise<void> {
  const [set] = await tx.select().from(kycRequirementSets).where(eq(kycRequirementSets.id, subjectId));
  const contentHash = set === undefined ? undefined : await contentHashOf(tx, set);
  if (payload.baseVersion !== activeVersion || payload.contentHash !== contentHash) {
    throw refuseKyc('requirements_changed');
  }
}

async function requirementsIn(tx: Tx, version: number) {
  return tx
    .select()
    .from(kycRequirements)
    .where(eq(kycRequirements.setVersion, version))
    .orderBy(kycRequirements.level, kycRequirements.applicantKind, kycRequirements.item, kycRequirements.id);
}

/** What a set asks, in one word that another set does not have. */
async function contentHashOf(
  tx: Tx,
  {
    version,
    beneficialOwnerBps,
  }: Pick<typeof kycRequirementSets.$inferSelect, 'version' | 'beneficialOwnerBps'>,
): Promise<string> {
  const rows = await requirementsIn(tx, version);
  return hash('sha256', canonicalJson({ beneficialOwnerBps, requirements: rows }));
}

async function retire(tx: Tx, setId: Id): Promise<void> {
  await tx
    .update(kycRequirementSets)
    .set({ status: 'retired' })
    .where(and(eq(kycRequirementSets.id, setId), eq(kycRequirementSets.status, 'draft')));
}

/** A level that asks nothing of everybody would let everybody in. @errors requirements_invalid */
async function refuseEmptyLevels(tx: Tx, requirements: NewRequirementsInput['requirements']): Promise<void> {
  const levels = await tx.select({ level: kycLevels.level }).from(kycLevels);
  for (const { level } of levels) {
    for (const kind of ['natural', 'legal']) {
      const ofAll = requirements.filter(
        (one) =>
          one.level === level &&
          one.applicantKind === kind &&
          one.nationality === undefined &&
          one.riskLevel === undefined &&
          one.onlyPep !== true,
      );
      if (ofAll.length === 0) {
        throw refuseKyc('requirements_invalid', { detail: `${level} ${kind}` });
      }
    }
  }
  const keys = requirements.map((one) =>
    [one.level, one.applicantKind, one.nationality, one.riskLevel, one.onlyPep === true, one.item].join(' '),
  );
  if (new Set(keys).size < keys.length) {
    throw refuseKyc('requirements_invalid', { detail: 'an item is said twice' });
  }
}
