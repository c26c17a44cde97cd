import { amountOf } from '../../../kernel/amount.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Change } from '../../../platform/audit/record.ts';
import type { NewEvent } from '../../../platform/outbox/publish.ts';
import { LEDGER_EVENTS } from '../audit.ts';
import type { Book, NewJournal } from '../post-journals.ts';
import type { Transfer, TransferTicket } from './ticket.ts';

/** A transfer that is about to be written, and where its money lies. */
export type Move = {
  readonly ticket: TransferTicket;
  readonly transfer: Transfer;
  readonly book: Book;
  readonly fromWalletId: Id;
  readonly toWalletId: Id;
};

/** The row of a transfer; it carries the key, so that the effect and the key are one (I11). */
export function transferOf(ticket: TransferTicket, createdAt: Instant): Transfer {
  return {
    id: newId(),
    userId: ticket.userId,
    ...ticket.transfer,
    journalId: newId(),
    idempotencyKey: ticket.idempotencyKey,
    requestHash: ticket.requestHash,
    createdAt,
  };
}

/** The posting of a transfer. */
export function journalOf({ ticket, transfer, book, fromWalletId, toWalletId }: Move): NewJournal {
  return {
    id: transfer.journalId,
    book,
    kind: 'transfer',
    referenceType: 'transfer',
    referenceId: transfer.id,
    description: 'Transfer between own accounts',
    requestId: ticket.ctx.requestId,
    entries: [
      { walletId: fromWalletId, amount: amountOf(-transfer.amount) },
      { walletId: toWalletId, amount: transfer.amount },
    ],
  };
}

/** The evidence of a transfer, in the name of whoever asked for it. */
export function changeOf({ ticket, transfer }: Move): Change {
  return {
    event: LEDGER_EVENTS['transfer.posted'],
    resource: { type: 'transfer', id: transfer.id },
    subjectUserId: transfer.userId,
    after: transfer,
    ctx: ticket.ctx,
  };
}

/** What the customer's feed says. */
export function eventOf({ transfer }: Move): NewEvent {
  const { id, userId, fromAccountId, toAccountId, asset, amount, journalId } = transfer;
  return {
    type: 'ledger.transfer_posted',
    userId,
    accountId: fromAccountId,
    customerVisible: true,
    data: { transferId: id, fromAccountId, toAccountId, asset, amount, journalId },
  };
}
