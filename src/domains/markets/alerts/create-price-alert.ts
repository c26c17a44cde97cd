import { present } from '../../../kernel/assert.ts';
import { newId } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import { changes } from '../../../platform/changes/changes.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sealText } from '../../../platform/crypto/seal.ts';
import { onCommit, transact } from '../../../platform/db/transact.ts';
import { refuseMarkets } from '../errors.ts';
import { instrumentsBySymbol } from '../store.ts';
import { PRICE_ALERT_EVENTS } from './audit.ts';
import { refusePriceAlert } from './problems.ts';
import { type Condition, isArmedAtFirst, mayRepeat } from './rules.ts';
import { priceAlerts } from './schema.ts';
import { ALERTS_CHANGED, countAlerts, messagePlace, ownerOf, type PriceAlert, shownAlert } from './store.ts';

const MAX_ALERTS = 200;

export type NewPriceAlert = {
  readonly symbol: string;
  readonly condition: Condition;
  readonly message?: string | undefined;
  readonly repeat: boolean;
  /** @units seconds */
  readonly cooldownSeconds: number;
  readonly expiresAt?: Instant | undefined;
};

/**
 * Asks to be told when a condition holds; one that holds now is told soon.
 * @effects one row of `price_alerts`; audit `price_alert.created`
 * @errors price_alert_cooldown_too_short, price_alert_expired, price_alert_limit_reached, unknown_symbol
 */
export async function createPriceAlert(ctx: Ctx, input: NewPriceAlert): Promise<PriceAlert> {
  const { deps } = ctx;
  const userId = ownerOf(ctx);
  return transact(ctx, ctx.login, async (tx) => {
    if (input.expiresAt !== undefined && input.expiresAt <= deps.clock.now()) {
      throw refusePriceAlert('price_alert_expired');
    }
    if (input.repeat && !mayRepeat(input.cooldownSeconds)) {
      throw refusePriceAlert('price_alert_cooldown_too_short');
    }
    if ((await countAlerts(tx, ctx)) >= MAX_ALERTS) {
      throw refusePriceAlert('price_alert_limit_reached');
    }
    const instrument = (await instrumentsBySymbol(tx, [input.symbol])).get(input.symbol);
    if (instrument === undefined) {
      throw refuseMarkets('unknown_symbol');
    }
    const id = newId();
    const key = await deps.personKeys.of(tx, userId);
    const [row] = await tx
      .insert(priceAlerts)
      .values({
        id,
        userId,
        instrumentId: instrument.id,
        kind: input.condition.kind,
        condition: input.condition,
        message: input.message === undefined ? null : sealText(key, messagePlace(id), input.message),
        repeat: input.repeat,
        cooldownSeconds: input.cooldownSeconds,
        expiresAt: input.expiresAt ?? null,
        active: true,
        armed: isArmedAtFirst(input.condition),
        createdAt: deps.clock.now(),
        changedAt: deps.clock.realNow(),
      })
      .returning();
    const made = present(row, 'the alert was just written');
    await record(tx, ctx, {
      event: PRICE_ALERT_EVENTS['price_alert.created'],
      resource: { type: 'price_alert', id },
      subjectUserId: userId,
      after: made,
    });
    onCommit(tx, () => changes(deps).tell(ALERTS_CHANGED));
    return shownAlert(tx, ctx, made, instrument.symbol);
  });
}
