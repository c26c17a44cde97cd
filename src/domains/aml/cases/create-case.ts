import { personOf } from '../../../kernel/actor.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { lockGateExclusively, lockGates } from '../../identity/index.ts';
import { lockOpenAlert } from '../alerts/lock-alert.ts';
import type { Severity } from '../alerts/rules.ts';
import { refuseAml } from '../errors.ts';
import { addSubject } from './add-subject.ts';
import type { AmlCase } from './case-events.ts';
import { linkAlert, openCase } from './open-case.ts';
import type { CaseKind } from './rules.ts';

export type CaseInput = {
  readonly kind: CaseKind;
  readonly severity: Severity;
  readonly userId?: Id | undefined;
  readonly alertId?: Id | undefined;
};

/**
 * Opens a case about a person, about what an alert is about, or about nobody the firm serves.
 * @effects as `openCase` and `linkAlert`
 * @errors not_found, alert_resolved, self_review
 */
export async function createCase(ctx: Ctx, input: CaseInput): Promise<AmlCase> {
  return transact(ctx, 'staff', async (tx) => {
    const alert = input.alertId === undefined ? null : (await lockOpenAlert(tx, input.alertId)).alert;
    const userId = input.userId ?? alert?.userId ?? null;
    const self = personOf(ctx.actor);
    if (self !== null && (userId === self || alert?.userId === self)) {
      throw refuseAml('self_review');
    }
    if (userId !== null) {
      await lockGateExclusively(tx, userId);
      if (!(await lockGates(tx, [userId])).has(userId)) {
        throw refuse('not_found');
      }
    }
    const { kind, severity } = input;
    const opened = await openCase(tx, ctx, { userId, kind, severity, assigneeId: self });
    if (alert !== null) {
      await linkAlert(tx, ctx, opened, alert);
      if (alert.userId !== null && alert.userId !== userId) {
        await addSubject(tx, ctx, opened, alert.userId);
      }
    }
    return opened;
  });
}
