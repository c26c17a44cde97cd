import { and, desc, eq, ne, sql } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive, lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { KYC_EVENTS } from '../audit.ts';
import { refuseKyc } from '../errors.ts';
import { matrixHash, type RiskMatrix } from './matrix.ts';
import { kycRiskMatrices, kycRiskSimulations, kycStandings } from './schema.ts';
import { activeMatrix, type StoredMatrix } from './standing.ts';

export type NewMatrix = { readonly content: RiskMatrix; readonly reason: string };

/** A matrix, and how many customers are still rated by another. */
export type MatrixFile = StoredMatrix & { readonly behind: number };

const LOCK = 'kyc.risk_matrices';
/** How old a simulation may be when its matrix is put before others. @units days */
const SIMULATION_DAYS = 7;
const DAY_MS = 86_400_000;

/** Every matrix, the newest first. */
export async function listMatrices(ctx: Ctx): Promise<readonly StoredMatrix[]> {
  return transact(ctx, ctx.login, (tx) =>
    tx.select().from(kycRiskMatrices).orderBy(desc(kycRiskMatrices.version)),
  );
}

/** @errors not_found */
export async function getMatrix(ctx: Ctx, matrixId: Id): Promise<MatrixFile> {
  return transact(ctx, ctx.login, async (tx) => {
    const [matrix] = await tx.select().from(kycRiskMatrices).where(eq(kycRiskMatrices.id, matrixId));
    if (matrix === undefined) {
      throw refuse('not_found');
    }
    const [others] = await tx
      .select({ count: sql<number>`count(*)::int` })
      .from(kycStandings)
      .where(ne(kycStandings.matrixId, matrixId));
    return { ...matrix, behind: matrix.status === 'active' ? (others?.count ?? 0) : 0 };
  });
}

/**
 * Drafts a matrix. It rates nobody until two people put it in force.
 * @effects a row of `kyc_risk_matrices`; audit `kyc_risk_matrix.drafted`
 * @errors matrix_unchanged
 */
export async function draftMatrix(ctx: Ctx, { content, reason }: NewMatrix): Promise<StoredMatrix> {
  const createdBy = present(personOf(ctx.actor), 'a matrix is drafted by a person');
  return transact(ctx, 'staff', async (tx) => {
    await lockExclusive(tx, [LOCK]);
    const contentHash = matrixHash(content);
    if ((await activeMatrix(tx)).contentHash === contentHash) {
      throw refuseKyc('matrix_unchanged');
    }
    const [newest] = await tx
      .select({ version: kycRiskMatrices.version })
      .from(kycRiskMatrices)
      .orderBy(desc(kycRiskMatrices.version))
      .limit(1);
    const [drafted] = await tx
      .insert(kycRiskMatrices)
      .values({
        id: newId(),
        version: (newest?.version ?? 0) + 1,
        status: 'draft',
        origin: 'staff',
        content,
        contentHash,
        reason,
        createdBy,
        createdAt: ctx.deps.clock.now(),
      })
      .returning();
    const draft = present(drafted, 'the matrix was inserted');
    await record(tx, ctx, {
      event: KYC_EVENTS['kyc_risk_matrix.drafted'],
      resource: { type: 'kyc_risk_matrix', id: draft.id },
      subjectUserId: null,
      after: draft,
    });
    return draft;
  });
}

/**
 * Puts a draft before a second person, together with what its simulation said.
 * @errors not_found, matrix_not_draft, risk_simulation_missing, approval_pending_exists
 */
export async function requestActivation(ctx: Ctx, matrixId: Id, reason: string): Promise<Approval> {
  return transact(ctx, 'staff', async (tx) => {
    const { draft, simulation } = await activatable(tx, ctx, matrixId);
    return requestApproval(tx, ctx, {
      action: activateMatrixAction.action,
      subjectType: 'kyc_risk_matrix',
      subjectId: matrixId,
      subjectUserId: null,
      payload: {
        contentHash: draft.contentHash,
        againstId: simulation.againstId,
        simulationId: simulation.id,
        digest: simulation.digest,
        moves: { ...simulation.counts.moves },
        skipped: simulation.counts.skipped,
      },
      quorum: 1,
      checkerRoles: ['mlro', 'compliance_officer'],
      reason,
    });
  });
}

/** Puts a matrix in force; who is rated by another is rated anew by the job. */
export const activateMatrixAction: ApprovalAction = {
  action: 'kyc_risk_matrix.activate',
  execute: async (ctx, { approvalId, subjectId, payload }) => {
    await transact(ctx, 'staff', async (tx) => {
      await lockExclusive(tx, [LOCK]);
      const before = present(await lockRow(tx, kycRiskMatrices, subjectId), 'a draft is not deleted');
      const active = await activeMatrix(tx);
      if (
        before.status !== 'draft' ||
        before.contentHash !== payload.contentHash ||
        active.id !== payload.againstId
      ) {
        throw refuseKyc('risk_simulation_missing');
      }
      const at = ctx.deps.clock.now();
      await tx
        .update(kycRiskMatrices)
        .set({ status: 'retired', retiredAt: at })
        .where(eq(kycRiskMatrices.id, active.id));
      const [row] = await tx
        .update(kycRiskMatrices)
        .set({ status: 'active', activatedAt: at, approvalId })
        .where(eq(kycRiskMatrices.id, subjectId))
        .returning();
      await record(tx, ctx, {
        event: KYC_EVENTS['kyc_risk_matrix.activated'],
        resource: { type: 'kyc_risk_matrix', id: subjectId },
        subjectUserId: null,
        before,
        after: present(row, 'the matrix was locked'),
      });
    });
  },
};

async function activatable(tx: Tx, ctx: Ctx, matrixId: Id) {
  const [draft] = await tx.select().from(kycRiskMatrices).where(eq(kycRiskMatrices.id, matrixId));
  if (draft === undefined) {
    throw refuse('not_found');
  }
  if (draft.status !== 'draft') {
    throw refuseKyc('matrix_not_draft');
  }
  const active = await activeMatrix(tx);
  const [simulation] = await tx
    .select()
    .from(kycRiskSimulations)
    .where(and(eq(kycRiskSimulations.matrixId, matrixId), eq(kycRiskSimulations.status, 'done')))
    .orderBy(desc(kycRiskSimulations.id))
    .limit(1);
  const since = addMs(ctx.deps.clock.now(), -SIMULATION_DAYS * DAY_MS);
  if (
    simulation === undefined ||
    simulation.contentHash !== draft.contentHash ||
    simulation.againstId !== active.id ||
    simulation.requestedAt < since
  ) {
    throw refuseKyc('risk_simulation_missing');
  }
  return { draft, simulation };
}
