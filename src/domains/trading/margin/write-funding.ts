/** What a period of holding positions costs or earns, as it is booked: each pays what it has, the firm the rest. */
import { sql } from 'drizzle-orm';
import { type Amount, amountOf, formatAmount, storedAmount, ZERO } from '../../../kernel/amount.ts';
import { dayOf } from '../../../kernel/business-date.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayLiteral, arrayParameter, insertRows } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { type NewJournal, postJournals } from '../../ledger/index.ts';
import { raiseAlerts } from '../../risk/index.ts';
import { positions } from '../positions/schema.ts';
import { releaseMarginHolds } from '../positions/settle-contracts.ts';
import { MARGIN_EVENTS } from './audit.ts';
import type { FundingPeriod } from './funding-periods.ts';
import { lossBorneAlert } from './loss-borne-alert.ts';
import { positionFunding } from './schema.ts';

export type Position = typeof positions.$inferSelect;

export type Instrument = {
  readonly id: Id;
  readonly symbol: string;
  readonly asset: string;
  readonly longRateBps: number;
  readonly shortRateBps: number;
  readonly dayCount: 'actual_360' | 'actual_365';
  readonly fundingHours: number;
  /** Up to when its positions are charged; null before the first time. */
  readonly chargedTo: Instant | null;
  /** When the first of them was opened. */
  readonly openedAt: Instant;
};

export type Charge = {
  readonly position: Position;
  /** Negative for a short position. */
  readonly quantity: Amount;
  /** What it costs; negative where it pays. */
  readonly amount: Amount;
  readonly rateBps: number;
  readonly waived: boolean;
};

/** A charge with who pays what of it. */
export type Shared = Charge & { readonly borne: Amount; readonly journalId: Id | null };

export type Houses = ReadonlyMap<string, { readonly clearing: Id; readonly firm: Id }>;

/** Why a wallet is not charged: its status, or that it stays held or cannot be charged while others can. */
export type WaivedFor = 'wallet_not_active' | 'wallet_not_chargeable';

type Charged = {
  readonly instrument: Instrument;
  readonly period: FundingPeriod;
  readonly price: Amount;
  readonly shared: readonly Shared[];
  /** What wallets would have paid or received that nothing can be booked to: the firm waives it. */
  readonly unbooked: readonly Charge[];
  readonly waivedFor: WaivedFor | undefined;
  readonly houses: Houses;
};

/**
 * Books what was decided of a period.
 * @effects `position_funding`, `positions.funding_paid`, journals of kind `funding`; audit `funding.charged`, outbox
 *   `trading.funding_charged`, alerts `loss_borne`, also of what the firm loses where nothing can be booked to a wallet
 */
export async function writeFunding(tx: Tx, ctx: Ctx, charged: Charged): Promise<void> {
  const { instrument, period, price } = charged;
  const waived = charged.unbooked.map((charge): Shared => ({ ...charge, ...NOTHING, waived: true }));
  const shared = [...charged.shared, ...waived];
  const costing = shared.filter(({ amount }) => amount !== 0n);
  await releaseMarginHolds(tx, [...new Set(costing.map(({ position }) => position.walletId))].sort());
  await postJournals(
    tx,
    ctx,
    costing.flatMap((charge) => journalsOf(ctx, charged, charge)),
  );
  await addToPositions(tx, costing);
  await insertRows(
    tx,
    positionFunding,
    shared.map(({ position, quantity, amount, borne, rateBps, waived, journalId }) => ({
      positionId: position.id,
      userId: position.userId,
      accountId: position.accountId,
      walletId: position.walletId,
      quantity,
      rateBps,
      amount,
      borne,
      waived,
      journalId,
    })),
    {
      periodEnd: period.end,
      instrumentId: instrument.id,
      price,
      periodSeconds: period.seconds,
      chargedAt: ctx.deps.clock.now(),
    },
  );
  await tell(tx, ctx, { ...charged, shared }, costing);
}

const NOTHING = { amount: ZERO, borne: ZERO, journalId: null };

function journalsOf(ctx: Ctx, { instrument, period, houses }: Charged, charge: Shared): NewJournal[] {
  const { position, amount, borne, journalId } = charge;
  const { clearing = '', firm = '' } = houses.get(position.book) ?? {};
  const common = {
    book: position.book,
    kind: 'funding',
    referenceType: 'position_funding',
    referenceId: position.id,
    description: `${instrument.symbol} held to ${period.end}`,
    valueDate: dayOf(addMs(period.end, -1), ctx.deps.timeZone),
  } as const;
  const paid = amount - borne;
  const own =
    journalId === null
      ? []
      : [
          {
            ...common,
            id: journalId,
            entries: [
              { walletId: position.walletId, amount: amountOf(-paid) },
              { walletId: clearing, amount: amountOf(paid) },
            ],
          },
        ];
  const firms =
    borne === 0n
      ? []
      : [
          {
            ...common,
            description: `Borne by the firm: ${common.description}`,
            entries: [
              { walletId: firm, amount: amountOf(-borne) },
              { walletId: clearing, amount: borne },
            ],
          },
        ];
  return [...own, ...firms];
}

/** By trigger the wallets hold again what their positions require. */
async function addToPositions(tx: Tx, costing: readonly Shared[]): Promise<void> {
  if (costing.length === 0) {
    return;
  }
  const ids = sql.param(
    arrayParameter(
      'uuid',
      costing.map(({ position }) => position.id),
    ),
  );
  const column = (pick: (charge: Shared) => bigint) =>
    sql`${sql.param(arrayLiteral(costing.map((charge) => storedAmount(pick(charge)))))}::numeric[]`;
  await executePrepared(
    tx,
    sql`update ${positions} p set funding_paid = p.funding_paid + charge.amount,
        loss_borne = p.loss_borne + charge.borne
      from unnest(${ids}::uuid[], ${column(({ amount }) => amount)}, ${column(({ borne }) => borne)})
        as charge (id, amount, borne)
      where p.id = charge.id and p.id = any (${ids}::uuid[])`,
  );
}

async function tell(
  tx: Tx,
  ctx: Ctx,
  { instrument, period, shared, unbooked, waivedFor = 'wallet_not_active' }: Charged,
  costing: readonly Shared[],
): Promise<void> {
  const sum = (pick: (charge: Shared) => bigint) =>
    formatAmount(shared.reduce((total, charge) => total + pick(charge), 0n));
  await record(tx, ctx, {
    event: MARGIN_EVENTS['funding.charged'],
    resource: { type: 'instrument', id: instrument.id },
    subjectUserId: null,
    after: {
      symbol: instrument.symbol,
      asset: instrument.asset,
      periodEnd: period.end,
      positions: shared.length,
      waived: shared.filter(({ waived }) => waived).length,
      paid: sum(({ amount, borne }) => (amount > 0n ? amount - borne : 0n)),
      received: sum(({ amount }) => (amount < 0n ? -amount : 0n)),
      borne: sum(({ borne }) => borne),
    },
  });
  const bearing = costing.filter(({ borne }) => borne > 0n);
  await raiseAlerts(tx, ctx, [
    ...bearing.map(({ position, borne }) => lossBorneAlert(position, `${position.id} ${period.end}`, borne)),
    ...unbooked
      .filter(({ amount }) => amount > 0n)
      .map(({ position, amount }) =>
        lossBorneAlert(position, `${position.id} ${period.end}`, amount, { why: waivedFor }),
      ),
  ]);
  await publish(
    tx,
    ctx,
    costing.map(({ position, amount }) => ({
      type: 'trading.funding_charged',
      userId: position.userId,
      accountId: position.accountId,
      customerVisible: true,
      data: {
        positionId: position.id,
        accountId: position.accountId,
        symbol: position.symbol,
        periodEnd: period.end,
        amount: formatAmount(amount),
        asset: instrument.asset,
        occurredAt: ctx.deps.clock.now(),
      },
    })),
  );
}
