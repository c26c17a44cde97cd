import { formatAmount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { NewRiskAlert } from '../../risk/index.ts';

/**
 * A loss beyond what a wallet had: somebody decides what comes of it, and whether who won may keep it. `of` is what lost
 * it, a fill or a period; `more` says what else is known of it, of a fill the trade.
 */
export function lossBorneAlert(
  position: {
    readonly id: Id;
    readonly userId: Id;
    readonly accountId: Id;
    readonly instrumentId: Id;
    readonly settlementAsset: string;
  },
  of: string,
  amount: bigint,
  more: Readonly<Record<string, string>> = {},
): NewRiskAlert {
  const { id, userId, accountId, instrumentId, settlementAsset } = position;
  return {
    kind: 'loss_borne',
    severity: 'critical',
    condition: `loss_borne ${of}`,
    userId,
    accountId,
    instrumentId,
    details: { positionId: id, of, amount: formatAmount(amount), asset: settlementAsset, ...more },
  };
}
