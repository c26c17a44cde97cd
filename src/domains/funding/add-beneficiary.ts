import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { sealJson, sealText } from '../../platform/crypto/seal.ts';
import { transact } from '../../platform/db/transact.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { refreshScreener, screenPayee } from '../aml/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { customerNameOf } from './customer-name.ts';
import { beneficiaryPlace, type Destination, destinationIndex, hintOf } from './destination.ts';
import { refuseFunding } from './errors.ts';
import { beneficiaryEvent } from './funding-events.ts';
import { isSameHolder } from './holder-name.ts';
import { payeeToScreen } from './payee-to-screen.ts';
import { beneficiaries } from './schema.ts';
import { COOLING_OFF_MS } from './settings.ts';
import { type Beneficiary, shownStatus } from './store.ts';

export type NewBeneficiary = { readonly label?: string | undefined; readonly destination: Destination };

/**
 * Registers where a customer's money may be sent. The format of the destination was checked on the
 * wire; here it is held to the customer's own name and to what is registered already, and the name is
 * screened: where that finds something, the beneficiary waits, and what is answered is the same.
 * @effects one row of `beneficiaries`; a screening and what comes of it; audit `beneficiary.added`,
 *   perhaps `beneficiary.held`; event `funding.beneficiary_added`
 * @errors beneficiary_name_mismatch, beneficiary_exists
 */
export async function addBeneficiary(
  ctx: Ctx,
  input: NewBeneficiary,
): Promise<Omit<Beneficiary, 'label'> & { readonly label: string }> {
  const userId = present(personOf(ctx.actor), 'a beneficiary belongs to a person');
  const { destination } = input;
  const hint = hintOf(destination);
  const label = input.label ?? hint;
  // Built before the transaction, so that nobody's locks wait for the lists.
  await refreshScreener(ctx);
  return transact(ctx, 'engine', async (tx) => {
    if (!isSameHolder(destination.holderName, await customerNameOf(tx, ctx, userId))) {
      throw refuseFunding('beneficiary_name_mismatch');
    }
    const screened = await screenPayee(tx, ctx, payeeToScreen(userId, destination));
    const id = newId();
    const key = await ctx.deps.personKeys.of(tx, userId);
    const createdAt = ctx.deps.clock.now();
    const [added] = await tx
      .insert(beneficiaries)
      .values({
        id,
        userId,
        kind: destination.kind,
        label: sealText(key, beneficiaryPlace('label', id), label),
        destination: sealJson(key, beneficiaryPlace('destination', id), destination),
        destinationIndex: destinationIndex(ctx.deps.keyring, destination),
        hint,
        screeningId: screened.screeningId,
        status: screened.isClear ? 'active' : 'pending',
        usableFrom: addMs(createdAt, COOLING_OFF_MS[ctx.deps.mode]),
        createdAt,
      })
      .onConflictDoNothing()
      .returning();
    if (added === undefined) {
      throw refuseFunding('beneficiary_exists');
    }
    await record(tx, ctx, {
      event: FUNDING_EVENTS['beneficiary.added'],
      resource: { type: 'beneficiary', id },
      subjectUserId: userId,
      // What a person did is in their own export, as they were shown it.
      after: { ...added, status: shownStatus(added.status) },
    });
    if (added.status === 'pending') {
      await record(tx, ctx, {
        event: FUNDING_EVENTS['beneficiary.held'],
        resource: { type: 'beneficiary', id },
        subjectUserId: userId,
        after: added,
      });
    }
    await publish(tx, ctx, [beneficiaryEvent('funding.beneficiary_added', added)]);
    return { ...added, status: shownStatus(added.status), label };
  });
}
