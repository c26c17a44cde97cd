/**
 * The part of the load that goes through files: bank statements, which are booked line by line once another person has
 * confirmed them, and payout files, of which the bank's report settles every payment at once.
 */
import { apiFor } from '../../src/demo/client.ts';
import { camt053, SAMPLE_IBAN } from '../../src/domains/funding/testing/camt-sample.ts';
import { statusReport } from '../../src/testing/drivers/payouts.ts';
import type { Random } from '../../src/testing/random.ts';
import type { ClientBook, Entry } from './client-book.ts';
import { amountOf, type Client, type Firm, keyed, REASON, type Scenario } from './scenario.ts';
import type { Person, Wire } from './sender.ts';

const DAY_MS = 86_400_000;
const CURRENCY = 'USD';

/** What the list of statements says of one. */
type Known = {
  readonly id: string;
  readonly currency: string | null;
  readonly status: string;
  readonly standing: string;
  readonly confirmationId: string | null;
  readonly closingBalance: string | null;
};

/**
 * A statement that pays what clients announced, confirmed by another person, and booked. One at a time: each begins
 * where the one before ended. One whose import nobody answered is found and confirmed by whoever comes next.
 */
export const statement: Scenario = async (firm, book, random) => {
  if (firm.banking.is) {
    return;
  }
  firm.banking.is = true;
  try {
    const waiting = await waitingStatement(firm, book, random);
    if (waiting !== undefined) {
      const path = `/v1/approvals/${waiting.confirmationId}/approve`;
      await book.insist('confirm', { method: 'POST', path, as: firm.payer, body: REASON }, waiting.id);
      await firm.bookStatements();
    }
  } finally {
    firm.banking.is = false;
  }
};

async function waitingStatement(
  firm: Firm,
  book: ClientBook,
  random: Random,
): Promise<Pick<Known, 'id' | 'confirmationId'> | undefined> {
  const last = await lastStatement(firm);
  if (last === 'nobody answers' || last?.standing === 'waiting') {
    return last === 'nobody answers' ? undefined : last;
  }
  const announced = await Promise.all(
    Array.from({ length: 2 + random.below(4) }, () => announce(random.pick(firm.clients), book, random)),
  );
  const entries = announced.flatMap((entry) => entry ?? []);
  if (entries.length === 0) {
    return undefined;
  }
  const day = new Date(Date.now()).toISOString().slice(0, 10);
  const xml = camt053({
    opening: last?.closingBalance ?? '0',
    currency: CURRENCY,
    iban: SAMPLE_IBAN,
    day,
    entries,
  });
  const imported = await book.insist('import', file('/v1/bank-statements', firm.checkers[0], xml));
  return imported.state === 'acknowledged' ? (JSON.parse(imported.text) as Known) : undefined;
}

/** A deposit by bank transfer, and the line that pays it. */
async function announce({ person, name, accountId }: Client, book: ClientBook, random: Random) {
  const amount = amountOf(random, 5_000);
  const body = { accountId, asset: CURRENCY, amount, method: 'bank_transfer' };
  const entry = await book.insist('deposit', keyed(person, '/v1/deposits', body));
  if (entry.state !== 'acknowledged') {
    return undefined;
  }
  const { paymentReference } = JSON.parse(entry.text) as { readonly paymentReference: string };
  return { amount, reference: paymentReference, name };
}

async function lastStatement({ url, payer }: Firm): Promise<Known | 'nobody answers' | undefined> {
  const answer = await apiFor(url(), payer.token())
    .GET('/v1/bank-statements', { params: { query: { status: 'imported', limit: 1 } } })
    .catch(() => undefined);
  return answer?.data === undefined ? 'nobody answers' : answer.data.data[0];
}

/** Two payouts in one file, of which the bank says that it paid both. */
export const payoutFile: Scenario = async (firm, book, random) => {
  const approved = await Promise.all(
    firm.clients.map((client) => approvedPayout(firm, client, book, random)),
  );
  const withdrawalIds = approved.flatMap((id) => id ?? []);
  if (withdrawalIds.length === 0) {
    return;
  }
  const executionDate = new Date(Date.now() + DAY_MS).toISOString().slice(0, 10);
  const body = { asset: CURRENCY, withdrawalIds, executionDate };
  const made = await book.insist('payoutFile', keyed(firm.payer, '/v1/payout-files', body));
  if (made.id === null || random.below(4) === 0 || !(await isFetched(firm, made.id))) {
    return;
  }
  const { messageId } = JSON.parse(made.text) as { readonly messageId: string };
  const xml = statusReport(
    messageId,
    withdrawalIds.map((id) => [id.replaceAll('-', '').toUpperCase(), 'ACSC']),
  );
  const wire = file(`/v1/payout-files/${made.id}/status-report`, firm.checkers[0], xml);
  await book.insist('report', wire, ...withdrawalIds);
};

/** Whether the file was handed out: of one that never was the bank says nothing. */
async function isFetched({ url, payer }: Firm, id: string): Promise<boolean> {
  const answer = await apiFor(url(), payer.token())
    .GET('/v1/payout-files/{id}/download', { params: { path: { id } }, parseAs: 'text' })
    .catch(() => undefined);
  return answer?.response.ok === true;
}

/** Who brings the bank's report may not be one of those who approved: two others do. */
async function approvedPayout(
  { reviewers }: Firm,
  { person, accountId, beneficiaryId }: Client,
  book: ClientBook,
  random: Random,
): Promise<string | undefined> {
  const amount = amountOf(random, 300);
  const body = { accountId, beneficiaryId, asset: CURRENCY, amount, confirmDuplicate: true };
  const requested = await book.insist('withdrawal', keyed(person, '/v1/withdrawals', body));
  if (requested.id === null) {
    return undefined;
  }
  let last: Entry | undefined;
  for (const as of reviewers) {
    const path = `/v1/withdrawals/${requested.id}/approve`;
    last = await book.insist('approve', { method: 'POST', path, as, body: REASON }, requested.id);
  }
  return last?.state === 'acknowledged' ? requested.id : undefined;
}

function file(path: string, as: Person, xml: string): Wire {
  return { method: 'POST', path, as, xml };
}
