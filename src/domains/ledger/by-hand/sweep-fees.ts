/**
 * Fees are collected in client money and are the firm's: a sweep takes them out. It is four entries in one
 * journal: the fees and the client-money bank account are less by it, the firm's own account and what the
 * firm owns are more. When the bank shows the payment, its debit is explained by this journal.
 */
import { type Amount, amountOf, formatAmount, parseAmount, scaleOf } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuseLedger } from '../errors.ts';
import { lockWallets } from '../lock-wallets.ts';
import { type NewEntry, postJournals } from '../post-journals.ts';
import { houseWallet, requireAsset } from '../wallets.ts';
import { lockTakings, refuseShortfall } from './guard-client-money.ts';
import { fiatAmong, type PostedWallets, readWallets, refuseWrongEntries } from './manual-journal.ts';
import { recordPosting } from './record-posting.ts';
import { POSTING_CHECKERS } from './request-journal.ts';
import { type Opening, openAgreed, withoutOpening } from './unopened-wallets.ts';

const SWEEP = 'fees.sweep';

export type FeeSweep = {
  readonly asset: string;
  readonly amount: Amount;
  /** The line of business whose fees leave. */
  readonly feesReference: string;
  /** The client-money bank account or custodian they leave. */
  readonly fromReference: string;
  /** The firm's own account they reach. */
  readonly toReference: string;
  readonly reason: string;
};

/**
 * Puts a sweep before another person.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors unknown_asset, amount_too_precise, sweep_exceeds_fees, sweep_leaves_shortfall, approval_pending_exists
 */
export async function requestFeeSweep(ctx: Ctx, sweep: FeeSweep): Promise<Approval> {
  return transact(ctx, 'engine', async (tx) => {
    // Dust stays where it is: no bank pays it out, and no statement would ever explain it.
    const { scale } = await requireAsset(tx, sweep.asset);
    if (scaleOf(sweep.amount) > scale) {
      throw refuseLedger('amount_too_precise', {
        errors: [
          { pointer: '/amount', code: 'invalid_value', detail: `must have at most ${scale} decimals` },
        ],
      });
    }
    const { legs, opening } = await withoutOpening(tx, async () => {
      const legs = await legsOf(tx, ctx, sweep);
      const found = await readWallets(tx, ctx, Object.values(legs));
      await refuseTooMuch(tx, sweep, legs, found);
      return { legs, found };
    });
    return requestApproval(tx, ctx, {
      action: SWEEP,
      subjectType: 'wallet',
      subjectId: legs.fees,
      subjectUserId: null,
      payload: { asset: sweep.asset, amount: formatAmount(sweep.amount), ...legs, ...opening },
      quorum: 1,
      checkerRoles: POSTING_CHECKERS,
      reason: sweep.reason,
    });
  });
}

/** What the vote on a sweep does. */
export const feeSweeping: ApprovalAction = {
  action: SWEEP,
  execute: async (ctx, { approvalId, payload }) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const {
      asset,
      amount: text,
      opens,
      ...agreed
    } = payload as unknown as Legs &
      Opening & {
        readonly asset: string;
        readonly amount: string;
      };
    const amount = parseAmount(text);
    const meant = await openAgreed(tx, ctx, { opens });
    const legs: Legs = {
      fees: meant(agreed.fees),
      held: meant(agreed.held),
      firmMoney: meant(agreed.firmMoney),
      firmAccount: meant(agreed.firmAccount),
    };
    // Two sweeps of one asset at a time could together take what either alone leaves.
    await lockTakings(tx, [asset]);
    const found = await lockWallets(tx, Object.values(legs));
    await refuseTooMuch(tx, { amount }, legs, found);
    const posting = {
      id: newId(),
      book: 'live',
      kind: 'transfer',
      referenceType: 'fee_sweep',
      referenceId: approvalId,
      description: `Fees swept: ${text} ${asset}`,
      approvalId,
      entries: entriesOf(legs, amount),
    } as const;
    await postJournals(tx, ctx, [posting]);
    await recordPosting(tx, ctx, 'fees.swept', posting, found);
  },
};

type Legs = { readonly fees: Id; readonly held: Id; readonly firmMoney: Id; readonly firmAccount: Id };

async function legsOf(tx: Tx, ctx: Ctx, sweep: FeeSweep): Promise<Legs> {
  const fiat = await fiatAmong(tx, [sweep.asset]);
  const house = { book: 'live', asset: sweep.asset } as const;
  const { feesReference, fromReference, toReference } = sweep;
  const held = fiat.has(sweep.asset) ? 'client_money_bank' : 'custody';
  return {
    fees: (await houseWallet(tx, ctx, { ...house, role: 'fees_earned', reference: feesReference })).id,
    held: (await houseWallet(tx, ctx, { ...house, role: held, reference: fromReference })).id,
    firmMoney: (await houseWallet(tx, ctx, { ...house, role: 'firm_money', reference: 'fees' })).id,
    firmAccount: (await houseWallet(tx, ctx, { ...house, role: 'firm_account', reference: toReference })).id,
  };
}

function entriesOf(legs: Legs, amount: Amount): readonly NewEntry[] {
  return [
    { walletId: legs.fees, amount: amountOf(-amount) },
    { walletId: legs.held, amount },
    { walletId: legs.firmAccount, amount: amountOf(-amount) },
    { walletId: legs.firmMoney, amount },
  ];
}

/** Fees that were earned leave, and only while clients' money is whole without them. */
async function refuseTooMuch(
  tx: Tx,
  { amount }: Pick<FeeSweep, 'amount'>,
  legs: Legs,
  found: PostedWallets,
): Promise<void> {
  const fees = present(found.get(legs.fees), 'the wallet was made');
  if (fees.total < amount) {
    throw refuseLedger('sweep_exceeds_fees');
  }
  refuseWrongEntries({ kind: 'transfer', entries: entriesOf(legs, amount) }, found);
  await refuseShortfall(tx, entriesOf(legs, amount), found);
}
