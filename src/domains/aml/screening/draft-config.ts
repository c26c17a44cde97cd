import { eq } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { AML_EVENTS } from '../audit.ts';
import { type ScreeningConfig, screeningAlgorithm, screeningConfigHash } from '../config.ts';
import { refuseAml } from '../errors.ts';
import { activeConfig, nextConfigVersion, type StoredConfig } from './config-store.ts';
import { screeningConfigs } from './schema.ts';
import { refuseDecided } from './simulate-config.ts';

/** How long a simulation speaks for the people there are. @units ms */
const SIMULATION_MS = 7 * 24 * 3_600_000;

/**
 * Keeps a draft of how names are weighed; nothing screens by it.
 * @effects one row of `screening_configs`; audit `screening_config.drafted`
 * @errors config_unchanged
 */
export async function draftConfig(
  ctx: Ctx,
  input: { readonly content: ScreeningConfig; readonly reason: string },
): Promise<StoredConfig> {
  const contentHash = screeningConfigHash(input.content);
  return transact(ctx, 'staff', async (tx) => {
    const version = await nextConfigVersion(tx);
    if ((await activeConfig(tx)).configHash === contentHash) {
      throw refuseAml('config_unchanged');
    }
    const [draft] = await tx
      .insert(screeningConfigs)
      .values({
        id: newId(),
        version,
        status: 'draft',
        origin: 'staff',
        content: input.content,
        contentHash,
        algorithm: screeningAlgorithm,
        reason: input.reason,
        createdBy: present(personOf(ctx.actor), 'a draft is made by a person'),
        createdAt: ctx.deps.clock.now(),
      })
      .returning();
    const kept = present(draft, 'the draft was inserted');
    await record(tx, ctx, {
      event: AML_EVENTS['screening_config.drafted'],
      resource: { type: 'screening_config', id: kept.id },
      subjectUserId: null,
      after: kept,
    });
    return kept;
  });
}

/**
 * Asks for a draft to screen from now on; an MLRO decides on what the simulation showed.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors not_found, config_not_draft, simulation_missing, approval_pending_exists
 */
export async function activateConfig(ctx: Ctx, configId: Id, reason: string): Promise<Approval> {
  return transact(ctx, 'staff', async (tx) => {
    const [draft] = await tx.select().from(screeningConfigs).where(eq(screeningConfigs.id, configId));
    if (draft === undefined) {
      throw refuse('not_found');
    }
    refuseDecided(draft);
    const { alertToClear, clearToAlert, subjects } = await simulationOf(tx, ctx, draft);
    return requestApproval(tx, ctx, {
      action: activateConfigAction.action,
      subjectType: 'screening_config',
      subjectId: draft.id,
      subjectUserId: null,
      payload: {
        version: draft.version,
        contentHash: draft.contentHash,
        subjects,
        clearToAlert,
        alertToClear,
      },
      quorum: 1,
      checkerRoles: ['mlro'],
      reason,
    });
  });
}

/** Runs when an MLRO agrees to how names are weighed from now on; everybody is then screened by it. */
export const activateConfigAction: ApprovalAction = {
  action: 'screening_config.activate',
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'approved actions run in the transaction of the vote');
    await nextConfigVersion(tx);
    const before = present(await lockRow(tx, screeningConfigs, approved.subjectId), 'the draft exists');
    refuseDecided(before);
    if (before.contentHash !== approved.payload.contentHash) {
      throw refuseAml('config_not_draft');
    }
    await simulationOf(tx, ctx, before);
    const at = ctx.deps.clock.now();
    await tx
      .update(screeningConfigs)
      .set({ status: 'retired', retiredAt: at })
      .where(eq(screeningConfigs.status, 'active'));
    const [active] = await tx
      .update(screeningConfigs)
      .set({ status: 'active', activatedAt: at, approvalId: approved.approvalId })
      .where(eq(screeningConfigs.id, before.id))
      .returning();
    const after = present(active, 'the draft was locked');
    await record(tx, ctx, {
      event: AML_EVENTS['screening_config.activated'],
      resource: { type: 'screening_config', id: before.id },
      subjectUserId: null,
      before,
      after,
    });
    const { version, contentHash } = after;
    await publish(tx, ctx, [
      {
        type: 'aml.screening_config_activated',
        userId: null,
        customerVisible: false,
        data: { version, contentHash },
      },
    ]);
  },
};

/** What the draft was shown to do, against what is still active. @errors simulation_missing */
async function simulationOf(tx: Tx, ctx: Ctx, draft: StoredConfig) {
  const { simulation } = draft;
  const { configHash } = await activeConfig(tx);
  if (
    simulation === null ||
    simulation.contentHash !== draft.contentHash ||
    simulation.activeHash !== configHash ||
    addMs(simulation.at, SIMULATION_MS) < ctx.deps.clock.now()
  ) {
    throw refuseAml('simulation_missing');
  }
  return simulation;
}
