/** Calls for more margin: made, recalled before their deadline, pursued after it and ended, for many wallets at once. */
import { type InferSelectModel, inArray } from 'drizzle-orm';
import { amountOf, formatAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import type { AuditEvent } from '../../../platform/audit/events.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { raiseAlerts } from '../../risk/index.ts';
import { figuresOf, hourOf, marginAlert } from './alerts.ts';
import { MARGIN_EVENTS } from './audit.ts';
import type { MarginWallet } from './read-margin.ts';
import { marginCalls } from './schema.ts';

export type MarginCall = InferSelectModel<typeof marginCalls>;

/** A wallet with its open call, locked. */
export type Called = { readonly wallet: MarginWallet; readonly call: MarginCall };

const HOUR_MS = 3_600_000;

/**
 * Calls accounts, each under the id given.
 * @effects rows of `margin_calls`; risk alerts; audit `margin_call.opened`, outbox `trading.margin_called`
 */
export async function openCalls(
  tx: Tx,
  ctx: Ctx,
  wallets: readonly { readonly wallet: MarginWallet; readonly callId: Id }[],
): Promise<void> {
  if (wallets.length === 0) {
    return;
  }
  const calledAt = ctx.deps.clock.now();
  const deadlineAt = addMs(calledAt, ctx.deps.marginCall.hours * HOUR_MS);
  const rows = await tx
    .insert(marginCalls)
    .values(wallets.map(({ wallet, callId }) => ({ ...callOf(wallet), id: callId, calledAt, deadlineAt })))
    .returning();
  const called = paired(wallets, rows, ({ callId }) => callId);
  await raiseAlerts(
    tx,
    ctx,
    called.map(({ wallet, call }) => marginAlert(wallet, 'called', hourOf(wallet, call.calledAt))),
  );
  await keepOf(tx, ctx, MARGIN_EVENTS['margin_call.opened'], called);
  await tellMany(
    tx,
    ctx,
    called.map(({ wallet, call: { id, shortBy } }) => ({
      wallet,
      what: 'margin_called',
      data: { callId: id, shortBy, deadlineAt, ...figuresOf(wallet) },
    })),
  );
}

/** @effects rows of `margin_calls`; audit `margin_call.reminded`, outbox `trading.margin_call_reminded` */
export async function remindOfCalls(tx: Tx, ctx: Ctx, before: readonly Called[]): Promise<void> {
  const reminded = await update(tx, before, { remindedAt: ctx.deps.clock.now() });
  await keepOf(tx, ctx, MARGIN_EVENTS['margin_call.reminded'], reminded);
  await tellMany(
    tx,
    ctx,
    reminded.map(({ wallet, call: { id, deadlineAt } }) => ({
      wallet,
      what: 'margin_call_reminded',
      data: { callId: id, shortBy: missingOf(wallet), deadlineAt, ...figuresOf(wallet) },
    })),
  );
}

/**
 * Says once that the time to meet calls is over.
 * @effects rows of `margin_calls`; risk alerts; audit `margin_call.overdue`, outbox `trading.margin_call_overdue`
 */
export async function pursueCalls(tx: Tx, ctx: Ctx, before: readonly Called[]): Promise<void> {
  const overdue = await update(tx, before, { overdueToldAt: ctx.deps.clock.now() });
  await raiseAlerts(
    tx,
    ctx,
    overdue.map(({ wallet, call }) => marginAlert(wallet, 'overdue', call.id)),
  );
  await keepOf(tx, ctx, MARGIN_EVENTS['margin_call.overdue'], overdue);
  await tellMany(
    tx,
    ctx,
    overdue.map(({ wallet, call: { id, deadlineAt } }) => ({
      wallet,
      what: 'margin_call_overdue',
      data: { callId: id, deadlineAt },
    })),
  );
}

/** @effects rows of `margin_calls`; audit `margin_call.ended`, outbox `trading.margin_call_ended` */
export async function endCalls(
  tx: Tx,
  ctx: Ctx,
  before: readonly Called[],
  outcome: NonNullable<MarginCall['outcome']>,
): Promise<void> {
  const ended = await update(tx, before, { outcome, endedAt: ctx.deps.clock.now() });
  const was = new Map(before.map(({ call }) => [call.id, call]));
  await recordMany(
    tx,
    ctx,
    ended.map(({ wallet, call }) => ({
      event: MARGIN_EVENTS['margin_call.ended'],
      resource: { type: 'margin_call', id: call.id },
      subjectUserId: wallet.userId,
      before: present(was.get(call.id), 'it was open'),
      after: call,
    })),
  );
  await tellMany(
    tx,
    ctx,
    ended.map(({ wallet, call: { id } }) => ({
      wallet,
      what: 'margin_call_ended',
      data: { callId: id, outcome },
    })),
  );
}

type News = { readonly wallet: MarginWallet; readonly what: string; readonly data: object };

/** Tells customers. @effects rows of `outbox` */
export async function tellMany(tx: Tx, ctx: Ctx, news: readonly News[]): Promise<void> {
  const occurredAt = ctx.deps.clock.now();
  await publish(
    tx,
    ctx,
    news.map(({ wallet: { userId, accountId, asset }, what, data }) => ({
      type: `trading.${what}`,
      userId,
      accountId,
      customerVisible: true,
      data: { accountId, asset, occurredAt, ...data },
    })),
  );
}

/** How an account stands as it is called: by the prices of now, or where those do not call it by those that somebody stood for. */
function callOf({ walletId, userId, accountId, asset, state, judged }: MarginWallet) {
  const { equity, initial, maintenance, cureAt } = state.standing === 'sound' ? judged : state;
  const shortBy = amountOf(cureAt - equity);
  return {
    userId,
    accountId,
    walletId,
    asset,
    equity,
    initialMargin: initial,
    maintenanceMargin: maintenance,
    shortBy,
  };
}

/** What is missing until a call is over, which goes by both. */
function missingOf({ state, judged }: MarginWallet): string {
  const missing = [state, judged].map(({ equity, cureAt }): bigint => cureAt - equity);
  return formatAmount(amountOf(missing.reduce((most, one) => (one > most ? one : most))));
}

async function update(
  tx: Tx,
  before: readonly Called[],
  change: Partial<Pick<MarginCall, 'remindedAt' | 'overdueToldAt' | 'outcome' | 'endedAt'>>,
): Promise<readonly Called[]> {
  if (before.length === 0) {
    return [];
  }
  const ids = before.map(({ call }) => call.id);
  const rows = await tx.update(marginCalls).set(change).where(inArray(marginCalls.id, ids)).returning();
  return paired(before, rows, ({ call }) => call.id);
}

/** In the order of what is given; their wallets are locked. */
function paired<Of extends { readonly wallet: MarginWallet }>(
  of: readonly Of[],
  rows: readonly MarginCall[],
  idOf: (one: Of) => Id,
): readonly Called[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  return of.map((one) => ({
    wallet: one.wallet,
    call: present(byId.get(idOf(one)), 'its wallet is locked'),
  }));
}

function keepOf(tx: Tx, ctx: Ctx, event: AuditEvent, called: readonly Called[]): Promise<void> {
  return recordMany(
    tx,
    ctx,
    called.map(({ wallet, call }) => ({
      event,
      resource: { type: 'margin_call', id: call.id },
      subjectUserId: wallet.userId,
      after: call,
    })),
  );
}
