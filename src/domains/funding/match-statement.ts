import { eq, inArray } from 'drizzle-orm';
import { amountOf } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { cancelApprovals, lockOpenApprovals } from '../../platform/approvals/open-approvals.ts';
import type { Approval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRows } from '../../platform/db/locks.ts';
import { accountAllows, accountsByIds } from '../accounts/index.ts';
import { openThirdPartyAlert } from '../aml/index.ts';
import { gateRefusal, lockGateExclusively, lockGates, personNameOf } from '../identity/index.ts';
import { houseWallet, lockWallets, postJournals, receivableWallets } from '../ledger/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { creditDeposit, receivingWallet } from './credit-deposit.ts';
import { isSameHolder, type PersonName } from './holder-name.ts';
import { type LineOutcome, matchLine } from './match-line.ts';
import { type BankAccount, bankWallets, type NewReceipt, openReceipts } from './receipts.ts';
import { deposits } from './schema.ts';
import { HOUSE_REFERENCE } from './settings.ts';
import { lockPayoutsNamed } from './statement-debits.ts';
import type { StoredLine } from './statement-lines.ts';
import type { Deposit } from './store.ts';

/** All that is locked before the first line is looked at. */
type Known = {
  readonly deposits: Map<string, Deposit>;
  readonly names: ReadonlyMap<Id, PersonName>;
  readonly accepting: ReadonlySet<Id>;
  readonly approvals: ReadonlyMap<Id, readonly Approval[]>;
};

/**
 * Gives each credit of a statement to the deposit it names, or keeps it as an unallocated receipt.
 * @effects journals, deposits, unallocated receipts, alerts on payers who are not the customer; audit
 */
export async function matchLines(
  tx: Tx,
  ctx: Ctx,
  account: BankAccount,
  lines: readonly StoredLine[],
  { importerId }: { readonly importerId: Id | null },
): Promise<void> {
  const credits = lines.filter(({ row }) => row.direction === 'credit');
  const known = await lockCandidates(tx, ctx, account, credits);
  await lockPayoutsNamed(tx, lines);
  await lockMatchedWallets(tx, ctx, account, [...known.deposits.values()]);
  const receipts: NewReceipt[] = [];
  for (const line of credits) {
    const { row } = line;
    const deposit = known.deposits.get(row.paymentReference ?? '');
    const outcome = matchLine({
      line: { ...row, asset: account.currency },
      deposit,
      payer: payerOf(line, deposit, known),
      accepts: deposit !== undefined && known.accepting.has(deposit.id),
      own: deposit !== undefined && deposit.userId === importerId,
    });
    const after = await follow(tx, ctx, { account, line, deposit, outcome, known });
    if (after !== undefined) {
      known.deposits.set(after.paymentReference, after);
    }
    if (outcome.kind === 'receipt') {
      const { id: statementLineId, amount, valueDate } = row;
      const { reason } = outcome;
      receipts.push({ statementLineId, amount, valueDate, reason, depositId: deposit?.id ?? null });
    }
  }
  await openReceipts(tx, ctx, account, receipts);
}

/**
 * Approvals, then gates, then deposits. Alerts come with the gates: they change one, and must be there before any
 * row is locked. What the monitoring finds in a credit may shut one too, so all are taken exclusively, in order.
 */
async function lockCandidates(
  tx: Tx,
  ctx: Ctx,
  account: BankAccount,
  credits: readonly StoredLine[],
): Promise<Known> {
  const references = credits.flatMap(({ row }) => row.paymentReference ?? []);
  const named =
    references.length === 0
      ? []
      : await tx
          .select()
          .from(deposits)
          .where(inArray(deposits.paymentReference, references))
          .orderBy(deposits.id);
  const approvals = new Map<Id, readonly Approval[]>();
  for (const { id } of named) {
    approvals.set(id, await lockOpenApprovals(tx, id));
  }
  const names = new Map<Id, PersonName>();
  for (const { userId } of named) {
    names.set(userId, names.get(userId) ?? (await personNameOf(tx, ctx, userId)));
  }
  for (const userId of [...new Set(named.map((deposit) => deposit.userId))].toSorted()) {
    await lockGateExclusively(tx, userId);
  }
  const found = new Map(named.map((deposit) => [deposit.paymentReference, deposit]));
  await alertOnThirdParties(tx, ctx, account, credits, { deposits: found, names });
  const gates = await lockGates(
    tx,
    named.map(({ userId }) => userId),
  );
  const accounts = await accountsByIds(
    tx,
    named.map(({ accountId }) => accountId),
  );
  const locked = await lockRows(
    tx,
    deposits,
    named.map(({ id }) => id),
  );
  const accepting = new Set<Id>();
  for (const { id, userId, accountId } of locked) {
    const owner = accounts.get(accountId);
    const open = owner?.type === 'live' && accountAllows(owner.status, 'money_in');
    if (open && gateRefusal(gates.get(userId), 'money_in') === null) {
      accepting.add(id);
    }
  }
  return {
    deposits: new Map(locked.map((each) => [each.paymentReference, each])),
    names,
    accepting,
    approvals,
  };
}

/** Every wallet the lines may touch, at once and in order: one after the other they would be in the file's. */
async function lockMatchedWallets(
  tx: Tx,
  ctx: Ctx,
  account: BankAccount,
  named: readonly Deposit[],
): Promise<void> {
  const { bank, unallocated } = await bankWallets(tx, ctx, account);
  const people = named.map(({ userId }) => userId);
  const had: Id[] = [];
  for (const deposit of named) {
    had.push(await receivingWallet(tx, ctx, deposit));
  }
  const fees = {
    role: 'fees_earned',
    reference: HOUSE_REFERENCE,
    book: 'live',
    asset: account.currency,
  } as const;
  await lockWallets(tx, [
    bank,
    unallocated,
    (await houseWallet(tx, ctx, fees)).id,
    ...named.map(({ walletId }) => walletId),
    ...had,
    ...(await receivableWallets(tx, people, account.currency)),
  ]);
}

/** In the order of people, as gates are locked; one alert for each payment of somebody else. */
async function alertOnThirdParties(
  tx: Tx,
  ctx: Ctx,
  account: BankAccount,
  credits: readonly StoredLine[],
  known: Pick<Known, 'deposits' | 'names'>,
): Promise<void> {
  const payments = credits.flatMap((line) => {
    const deposit = known.deposits.get(line.row.paymentReference ?? '');
    const payerName = line.parsed.counterparty.name;
    const theirs =
      deposit !== undefined &&
      payerName !== null &&
      !line.row.reversal &&
      deposit.asset === account.currency &&
      payerOf(line, deposit, known) === 'other';
    return theirs ? [{ userId: deposit.userId, payerName }] : [];
  });
  for (const payment of payments.toSorted((left, right) => (left.userId < right.userId ? -1 : 1))) {
    await openThirdPartyAlert(tx, ctx, payment);
  }
}

function payerOf(
  { parsed }: StoredLine,
  deposit: Deposit | undefined,
  { names }: Pick<Known, 'names'>,
): 'customer' | 'other' | 'unnamed' {
  const { name } = parsed.counterparty;
  if (name === null || deposit === undefined) {
    return 'unnamed';
  }
  return isSameHolder(name, present(names.get(deposit.userId), 'the name of every candidate was read'))
    ? 'customer'
    : 'other';
}

type Step = {
  readonly account: BankAccount;
  readonly line: StoredLine;
  readonly deposit: Deposit | undefined;
  readonly outcome: LineOutcome;
  readonly known: Known;
};

/** What a line does to the deposit it names. @shape the deposit as it is then */
async function follow(tx: Tx, ctx: Ctx, step: Step): Promise<Deposit | undefined> {
  const { account, line, deposit, outcome, known } = step;
  if (deposit === undefined) {
    return undefined;
  }
  const { id: statementLineId, valueDate } = line.row;
  if (outcome.kind === 'credit') {
    await cancelApprovals(tx, ctx, known.approvals.get(deposit.id) ?? []);
    const { bank } = await bankWallets(tx, ctx, account);
    return creditDeposit(tx, ctx, deposit, { from: bank, valueDate, evidence: { statementLineId } });
  }
  if (outcome.kind === 'receipt') {
    return waitsFor(outcome.reason) && deposit.status === 'pending'
      ? change(tx, ctx, deposit, { status: 'processing' })
      : undefined;
  }
  await moveToBank(tx, ctx, step, deposit);
  return change(tx, ctx, deposit, { statementLineId });
}

/** The money is there and is the deposit's; whether the customer may have it is still open. */
function waitsFor(reason: string): boolean {
  return reason === 'third_party_payer' || reason === 'payer_unnamed' || reason === 'not_accepted';
}

/** What was credited on somebody's word lies where that word had it; now the bank has it. */
async function moveToBank(tx: Tx, ctx: Ctx, { account, line }: Step, deposit: Deposit): Promise<void> {
  const had = await receivingWallet(tx, ctx, deposit);
  const { bank } = await bankWallets(tx, ctx, account);
  if (had === bank) {
    return;
  }
  await postJournals(tx, ctx, [
    {
      book: 'live',
      kind: 'transfer',
      referenceType: 'bank_statement_line',
      referenceId: line.row.id,
      description: `Received at the bank: deposit ${deposit.paymentReference}`,
      valueDate: line.row.valueDate,
      entries: [
        { walletId: had, amount: deposit.amount },
        { walletId: bank, amount: amountOf(-deposit.amount) },
      ],
    },
  ]);
}

async function change(
  tx: Tx,
  ctx: Ctx,
  before: Deposit,
  set: Partial<Pick<Deposit, 'status' | 'statementLineId'>>,
): Promise<Deposit> {
  const [row] = await tx
    .update(deposits)
    .set({ ...set, version: before.version + 1 })
    .where(eq(deposits.id, before.id))
    .returning();
  const after = present(row, 'the deposit was locked');
  await record(tx, ctx, {
    event: FUNDING_EVENTS['deposit.received'],
    resource: { type: 'deposit', id: before.id },
    subjectUserId: before.userId,
    before,
    after,
  });
  return after;
}
