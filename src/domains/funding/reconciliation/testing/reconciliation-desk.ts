/** What tests of reconciliation do again and again: banks of their own, statements, runs and their breaks. */

import { dayOf } from '../../../../kernel/business-date.ts';
import { newId } from '../../../../kernel/id.ts';
import { transact } from '../../../../platform/db/transact.ts';
import { type FundingDesk, type Person, startFundingDesk } from '../../../../testing/funding-desk.ts';
import type { Answer } from '../../../../testing/send.ts';
import { type NewBankAccount, seedBankAccounts } from '../../set-bank-account.ts';
import { camt053, type SampleEntry } from '../../testing/camt-sample.ts';

type Body = Answer['body'];

export type Bank = { readonly reference: string; readonly iban: string; readonly object: string };

export type ReconciliationDesk = FundingDesk & {
  /** The firm's day now. */
  readonly today: () => string;
  /** A dollar account of its own, with house wallets of its own, of clients' money; unless it is said otherwise. */
  readonly newBank: (name?: string, more?: Partial<NewBankAccount>) => Promise<Bank>;
  readonly statement: (
    bank: { readonly iban: string },
    given: {
      readonly opening: string;
      readonly day: string;
      readonly currency?: string;
      readonly entries?: readonly SampleEntry[];
    },
  ) => Promise<Body>;
  readonly run: (businessDate?: string, person?: Person) => Promise<Body>;
  /** The break a run saw of this kind and object. */
  readonly breakIn: (run: Body, kind: string, object: string) => Body;
  readonly read: (path: string) => Promise<Body>;
  /** Another person approves. */
  readonly vote: (approvalId: string, person?: Person) => Promise<Answer>;
  /** Imports a report; nobody has confirmed it yet. */
  readonly takeCustodyReport: (body: string, contentType?: string, person?: Person) => Promise<Answer>;
  /** The same; where it was taken another person confirms it. @shape the answer to reading it */
  readonly custodyReport: (body: string, contentType?: string) => Promise<Answer>;
};

/** A desk of funding that reconciles. */
export async function startReconciliationDesk(file: string): Promise<ReconciliationDesk> {
  const desk = await startFundingDesk(file);
  const today = () => dayOf(desk.deps.clock.now(), desk.deps.timeZone);
  const ok = async (sent: Promise<Answer>): Promise<Body> => {
    const answer = await sent;
    if (answer.status >= 300) {
      throw new Error(`a step of the test failed: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return answer.body;
  };
  const vote: ReconciliationDesk['vote'] = (approvalId, person = desk.operations2) =>
    desk.request(person, 'POST', `/v1/approvals/${approvalId}/approve`, {
      body: { reason: 'Looked at it' },
    });
  const takeCustodyReport: ReconciliationDesk['takeCustodyReport'] = (
    body,
    contentType = 'application/json',
    person = desk.operations,
  ) =>
    desk.request(person, 'POST', '/v1/custody-reports', {
      body: new Uint8Array(Buffer.from(body, 'utf8')),
      headers: { 'content-type': contentType },
    });
  return {
    ...desk,
    today,
    newBank: async (name = 'Client money', more = {}) => {
      const digits = BigInt(`0x${newId().replaceAll('-', '').slice(-12)}`)
        .toString()
        .padStart(16, '0');
      const iban = ibanOf(digits.slice(-16));
      const { houseReference: reference = `b-${newId().slice(-12)}`, currency = 'USD' } = more;
      const account = { ...more, iban, currency, houseReference: reference, name };
      await transact(desk.system, 'engine', (tx) => seedBankAccounts(tx, desk.system, [account]));
      const place = more.houseRole === 'firm_account' ? 'firm account' : 'bank';
      return { reference, iban, object: `${place} ${reference} ${currency}` };
    },
    statement: ({ iban }, given) => {
      return ok(desk.importFile(camt053({ entries: [], iban, ...given })));
    },
    run: (businessDate = today(), person = desk.operations) =>
      ok(desk.request(person, 'POST', '/v1/reconciliations', { body: { businessDate } })),
    breakIn: (run, kind, object) =>
      run.run.breaks.find((each: Body) => each.kind === kind && each.object === object),
    read: (path) => ok(desk.request(desk.operations, 'GET', path)),
    vote,
    takeCustodyReport,
    custodyReport: async (body, contentType) => {
      const taken = await takeCustodyReport(body, contentType);
      if (taken.status !== 201) {
        return taken;
      }
      await ok(vote(taken.body.confirmationId));
      const read = desk.request(desk.operations, 'GET', `/v1/custody-reports/${taken.body.id}`);
      return { ...taken, body: await ok(read) };
    },
  };
}

/** A German IBAN: its account part is digits alone. */
function ibanOf(digits: string): string {
  const account = `10${digits}`;
  const check = 98n - (BigInt(`${account}131400`) % 97n);
  return `DE${check.toString().padStart(2, '0')}${account}`;
}
