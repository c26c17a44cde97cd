import { actorIdOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { sealJson } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockGateExclusively } from '../identity/index.ts';
import { openAlert } from './alerts/open-alert.ts';
import { AML_EVENTS } from './audit.ts';
import { screenings } from './schema.ts';
import { screenPayer } from './screen.ts';
import { screeningPlace } from './screening-place.ts';

export type ThirdPartyPayment = {
  readonly userId: Id;
  /** The name the payment came under. */
  readonly payerName: string;
};

/** No score: a name is the customer's or it is not. */
const RISK_SCORE = 60;

/**
 * Tells compliance that somebody else paid for a customer, and holds their name against the lists. The evidence
 * is a check of its own kind, and
 * until a second person agrees that all is well the customer's gate is as for any other alert. Joins the
 * caller's transaction and takes the gate's exclusive lock, so call it before any row is locked.
 * @effects rows of `screenings` and `aml_alerts`, perhaps `customer_gates`; audit `screening.completed`,
 *   `aml_alert.opened`, perhaps `gate.changed`
 */
export async function openThirdPartyAlert(tx: Tx, ctx: Ctx, payment: ThirdPartyPayment): Promise<void> {
  const { userId } = payment;
  await lockGateExclusively(tx, userId);
  const id = newId();
  const at = ctx.deps.clock.now();
  const key = await ctx.deps.personKeys.of(tx, userId);
  const [screening] = await tx
    .insert(screenings)
    .values({
      id,
      userId,
      checkType: 'transaction_monitoring',
      trigger: 'third_party_payer',
      provider: 'built_in',
      subject: sealJson(key, screeningPlace(id), { name: payment.payerName, kind: 'unknown' }),
      result: 'alert',
      riskScore: RISK_SCORE,
      listVersions: {},
      algorithmVersion: 'same_holder/1',
      configHash: '',
      matchCount: 0,
      requestedBy: actorIdOf(ctx.actor),
      checkedAt: at,
    })
    .returning();
  await record(tx, ctx, {
    event: AML_EVENTS['screening.completed'],
    resource: { type: 'screening', id },
    subjectUserId: userId,
    after: present(screening, 'the check was inserted'),
  });
  const payer = Buffer.from(ctx.deps.keyring.blindIndex('aml.payer', payment.payerName)).toString('hex');
  await openAlert(tx, ctx, {
    userId,
    kind: 'third_party',
    dedupKey: `payer:${payer}`,
    severity: 'high',
    effect: 'stop',
    screeningId: id,
  });
  await screenPayer(tx, ctx, { userId, name: payment.payerName });
}
