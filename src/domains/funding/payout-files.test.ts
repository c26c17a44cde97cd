import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import { type Id, newId } from '../../kernel/id.ts';
import { sha256 } from '../../platform/crypto/keyring.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import { childOf, childrenOf, readXml, type XmlElement } from '../../platform/xml/read-xml.ts';
import { statusReport } from '../../testing/drivers/payouts.ts';
import {
  bankBeneficiary,
  type FundingDesk,
  HOLDER,
  type Person,
  startFundingDesk,
} from '../../testing/funding-desk.ts';
import { writeUnguarded } from '../../testing/unguarded.ts';
import { payoutFileDownloads, payoutFileVoids } from './payouts/schema.ts';
import { manualPayouts } from './providers/manual-payouts.ts';
import { payoutFileItems, payoutFiles, payoutReports, withdrawals } from './schema.ts';
import { executionDay } from './testing/execution-day.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const REASON = { reason: 'Looked at it' };

type Approved = { readonly id: string; readonly person: Person; readonly reference: string };

async function approved(
  amount = '100',
  checker = desk.compliance,
  payee = bankBeneficiary(),
): Promise<Approved> {
  const person = await desk.newCustomer();
  await desk.fund(person, 'USD', '1000');
  const bank = await desk.request(person, 'POST', '/v1/beneficiaries', { body: payee });
  const body = { accountId: person.accountId, asset: 'USD', amount, beneficiaryId: bank.body.id };
  const { id } = (await desk.request(person, 'POST', '/v1/withdrawals', { body, key: newId() })).body;
  await desk.request(checker, 'POST', `/v1/withdrawals/${id}/approve`, { body: REASON });
  return { id, person, reference: id.replaceAll('-', '').toUpperCase() };
}

function file(ids: readonly string[], by = desk.operations) {
  const body = { asset: 'USD', withdrawalIds: ids, executionDate: executionDay(desk.deps) };
  return desk.request(by, 'POST', '/v1/payout-files', { body, key: newId() });
}

function download(id: string) {
  return desk.request(desk.operations, 'GET', `/v1/payout-files/${id}/download`);
}

/** The desk's request sends JSON; a report is bytes. */
async function report(id: string, xml: string, by = desk.operations2, fetched = true) {
  if (fetched) {
    await download(id);
  }
  const token = Buffer.from(JSON.stringify(by.actor)).toString('base64url');
  const response = await desk.app.request(`/v1/payout-files/${id}/status-report`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/xml' },
    body: xml,
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function statusOf({ id }: Approved): Promise<string | undefined> {
  const [row] = await desk.deps.db.engine.select().from(withdrawals).where(eq(withdrawals.id, id));
  return row?.status;
}

/**
 * The public structure of what we send: for each element its children in order; `?` may be left out,
 * `+` may come more than once.
 */
const PAIN_001: Readonly<Record<string, readonly string[]>> = {
  Document: ['CstmrCdtTrfInitn'],
  CstmrCdtTrfInitn: ['GrpHdr', 'PmtInf+'],
  GrpHdr: ['MsgId', 'CreDtTm', 'NbOfTxs', 'CtrlSum?', 'InitgPty'],
  InitgPty: ['Nm?'],
  PmtInf: [
    'PmtInfId',
    'PmtMtd',
    'BtchBookg?',
    'NbOfTxs?',
    'CtrlSum?',
    'PmtTpInf?',
    'ReqdExctnDt',
    'Dbtr',
    'DbtrAcct',
    'DbtrAgt',
    'ChrgBr?',
    'CdtTrfTxInf+',
  ],
  ReqdExctnDt: ['Dt'],
  Dbtr: ['Nm?'],
  DbtrAcct: ['Id'],
  DbtrAgt: ['FinInstnId'],
  FinInstnId: ['BICFI?'],
  Id: ['IBAN'],
  CdtTrfTxInf: ['PmtId', 'PmtTpInf?', 'Amt', 'ChrgBr?', 'CdtrAgt?', 'Cdtr?', 'CdtrAcct?', 'RmtInf?'],
  PmtId: ['InstrId?', 'EndToEndId'],
  Amt: ['InstdAmt'],
  CdtrAgt: ['FinInstnId'],
  Cdtr: ['Nm?'],
  CdtrAcct: ['Id'],
};

const TEXTS: Readonly<Record<string, RegExp>> = {
  MsgId: /^.{1,35}$/,
  PmtInfId: /^.{1,35}$/,
  EndToEndId: /^.{1,35}$/,
  CreDtTm: /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/,
  NbOfTxs: /^\d{1,15}$/,
  CtrlSum: /^\d{1,17}(\.\d{1,17})?$/,
  PmtMtd: /^TRF$/,
  Dt: /^\d{4}-\d{2}-\d{2}$/,
  Nm: /^.{1,140}$/s,
  IBAN: /^[A-Z]{2}\d{2}[a-zA-Z0-9]{1,30}$/,
  BICFI: /^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$/,
  InstdAmt: /^\d{1,13}(\.\d{1,5})?$/,
};

function faultsOf(element: XmlElement): string[] {
  const pattern = TEXTS[element.name];
  if (pattern !== undefined) {
    return pattern.test(element.text) ? [] : [`${element.name}: ${element.text}`];
  }
  const wanted = PAIN_001[element.name] ?? [];
  const grammar = wanted.map((name) =>
    name.endsWith('?')
      ? `(${name.slice(0, -1)},)?`
      : name.endsWith('+')
        ? `(${name.slice(0, -1)},)+`
        : `${name},`,
  );
  const found = element.children.map((child) => `${child.name},`).join('');
  const here = new RegExp(`^${grammar.join('')}$`).test(found) ? [] : [`${element.name}: ${found}`];
  return [...here, ...element.children.flatMap(faultsOf)];
}

function parsed(xml: string): XmlElement {
  return readXml(Buffer.from(xml), 0, () => undefined);
}

/** What a path of single elements ends in. */
function textAt(element: XmlElement, ...path: readonly string[]): string | undefined {
  return path.reduce<XmlElement | undefined>((at, name) => at && childOf(at, name), element)?.text;
}

/** Whom each payment of a file pays, what, and where: as the bank will read it. */
function paymentsIn(document: XmlElement) {
  const info = childOf(childOf(document, 'CstmrCdtTrfInitn') ?? document, 'PmtInf') ?? document;
  return childrenOf(info, 'CdtTrfTxInf').map((payment) => {
    const amount = childOf(childOf(payment, 'Amt') ?? payment, 'InstdAmt');
    return {
      reference: textAt(payment, 'PmtId', 'EndToEndId'),
      amount: `${amount?.text} ${amount?.attributes.Ccy}`,
      iban: textAt(payment, 'CdtrAcct', 'Id', 'IBAN'),
      bic: textAt(payment, 'CdtrAgt', 'FinInstnId', 'BICFI'),
      name: textAt(payment, 'Cdtr', 'Nm'),
    };
  });
}

describe('a payout file', () => {
  test('begins every payout at once and is the bytes the public structure asks for', async () => {
    const paid = [await approved('100'), await approved('250.5'), await approved('0.01')];
    const made = await file(paid.map(({ id }) => id));
    expect(made.body).toMatchObject({ transactionCount: 3, controlSum: '350.51', asset: 'USD' });
    expect(await Promise.all(paid.map(statusOf))).toEqual(['processing', 'processing', 'processing']);
    const { status, body, headers } = await download(made.body.id);
    expect([status, headers.get('content-type')]).toEqual([200, 'application/xml']);
    expect(faultsOf(parsed(body))).toEqual([]);
    expect(body).toContain('urn:iso:std:iso:20022:tech:xsd:pain.001.001.09');
    expect(body.match(/<CtrlSum>350\.51<\/CtrlSum>/g)).toHaveLength(2);
    expect(new Set(body.match(/<EndToEndId>[^<]+/g)).size).toBe(3);
    expect((await download(made.body.id)).body).toBe(body);
    // Each payment is to be a line of its own. A file of before that was asked is still the bytes it was.
    const asked = '<BtchBookg>false</BtchBookg>';
    expect(body.split(asked)).toHaveLength(2);
    const old = body.replace(asked, '');
    await writeUnguarded(desk.database, 'payout_files', (tx) =>
      tx
        .update(payoutFiles)
        .set({ format: 1, fileHash: sha256(Buffer.from(old)) })
        .where(eq(payoutFiles.id, made.body.id)),
    );
    expect((await download(made.body.id)).body).toBe(old);
  });

  test('pays each payee their own amount, to their own account, in their own name', async () => {
    // One customer writes their name as they like; the bank is told what they wrote.
    const payees = [HOLDER, 'ANAIS RAMGOOLAM', 'Ramgoolam, Anaïs'].map((holderName, place) => ({
      ...bankBeneficiary(place),
      holderName,
    }));
    const amounts = ['12.34', '200', '0.05'];
    const paid = await Promise.all(
      payees.map((payee, place) => approved(amounts[place], desk.compliance, payee)),
    );
    const made = await file(paid.map(({ id }) => id));
    const document = parsed((await download(made.body.id)).body);
    expect(faultsOf(document)).toEqual([]);
    const asked = paid.map(({ reference }, place) => ({
      reference,
      amount: `${amounts[place]} USD`,
      iban: payees[place]?.iban,
      bic: payees[place]?.bic,
      name: payees[place]?.holderName,
    }));
    expect(new Set(asked.flatMap(({ iban, bic, name }) => [iban, bic, name])).size).toBe(9);
    const byReference = (rows: readonly { readonly reference: string | undefined }[]) =>
      rows.toSorted((one, other) => ((one.reference ?? '') < (other.reference ?? '') ? -1 : 1));
    expect(byReference(paymentsIn(document))).toEqual(byReference(asked));
  });

  test('escapes what could end an element and drops what XML has no place for', () => {
    const party = {
      name: 'A & B <C> "D" \u0000\u0008',
      iban: 'MU17BOMM0101101030300200000MUR',
      bic: 'MCBLMUMU',
    };
    const bytes = manualPayouts.fileOf({
      messageId: 'M1',
      createdAt: '2026-12-01T00:00:00.000000Z' as never,
      firmName: '</Nm><Nm>',
      executionDate: '2026-12-01',
      currency: 'USD',
      controlSum: 100_000_000n as never,
      debtor: party,
      payments: [{ endToEndId: 'E1', amount: 100_000_000n as never, creditor: party }],
    });
    const root = parsed(Buffer.from(bytes).toString());
    expect(faultsOf(root)).toEqual([]);
    expect(Buffer.from(bytes).toString()).toContain('A &amp; B &lt;C&gt; &quot;D&quot; ');
  });

  test('is refused whole where one may not be paid, by whom or at all', async () => {
    const [good, mine, waiting] = [
      await approved(),
      await approved('100', desk.operations),
      await approved(),
    ];
    const both = await file([good.id, mine.id]);
    expect([both.status, both.body.code]).toEqual([403, 'approver_cannot_pay_out']);
    await desk.request(waiting.person, 'POST', `/v1/withdrawals/${waiting.id}/cancel`);
    expect((await file([good.id, waiting.id])).body.code).toBe('withdrawal_status_conflict');
    expect((await file([good.id, newId()])).status).toBe(404);
    await desk.changeGate(mine.person, { restriction: 'no_out' });
    expect((await file([good.id, mine.id], desk.operations2)).body.code).toBe('account_restricted');
    expect((await file([good.id], desk.compliance)).status).toBe(403);
    expect((await file([])).status).toBe(422);
    expect(await statusOf(good)).toBe('approved');
    expect((await file([good.id])).status).toBe(201);
    expect((await file([good.id])).body.code).toBe('withdrawal_status_conflict');
  });

  test('is refused for a day that is past or far ahead, and begins nothing', async () => {
    const one = await approved();
    const on = (executionDate: string) => {
      const body = { asset: 'USD', withdrawalIds: [one.id], executionDate };
      return desk.request(desk.operations, 'POST', '/v1/payout-files', { body, key: newId() });
    };
    for (const day of ['2020-11-23', '2099-01-01']) {
      const { status, body } = await on(day);
      expect([status, body.code]).toEqual([422, 'execution_date_unsuitable']);
    }
    expect((await on('2026-02-30')).body.code).toBe('validation_failed');
    expect(await statusOf(one)).toBe('approved');
    expect((await on(executionDay(desk.deps))).status).toBe(201);
  });

  test('two at once pay a withdrawal once', async () => {
    const one = await approved();
    const answers = await Promise.all([file([one.id]), file([one.id], desk.operations2)]);
    expect(answers.map((answer) => answer.status).toSorted((a, b) => a - b)).toEqual([201, 409]);
  });

  test('is not made anew once a payee or an amount was swapped', async () => {
    const one = await approved();
    const { body } = await file([one.id]);
    const swap = (amount: bigint) =>
      writeUnguarded(desk.database, 'withdrawals', (tx) =>
        tx
          .update(withdrawals)
          .set({ amount: amount as never })
          .where(eq(withdrawals.id, one.id)),
      );
    await swap(5n);
    expect((await download(body.id)).body.code).toBe('payout_file_changed');
    await swap(10_000_000_000n);
    expect((await download(body.id)).status).toBe(200);
  });
});

const DAY_MS = 86_400_000;

function act({ id }: Approved, verb: string, body: object = REASON) {
  return desk.request(desk.operations, 'POST', `/v1/withdrawals/${id}/${verb}`, { body });
}

function vote(asked: { body: { approval: { id: string } } }, by = desk.compliance) {
  return desk.request(by, 'POST', `/v1/approvals/${asked.body.approval.id}/approve`, { body: REASON });
}

function voided(id: string, by = desk.operations) {
  return desk.request(by, 'POST', `/v1/payout-files/${id}/void`, { body: REASON });
}

describe('a payout that its file may still have the bank make', () => {
  test('is failed only once the day of a file that nobody fetched has passed, and the file then stays here', async () => {
    const [one, two] = [await approved(), await approved()];
    const { body: made } = await file([one.id, two.id]);
    const early = await act(one, 'fail');
    expect([early.status, early.body.code]).toEqual([409, 'payout_may_leave']);
    desk.advance(3 * DAY_MS);
    expect((await vote(await act(one, 'fail'))).status).toBe(200);
    expect(await desk.balance(one.person, 'USD')).toEqual({ total: '1000', reserved: '0' });
    const stopped = await download(made.id);
    expect([stopped.status, stopped.body.code]).toEqual([409, 'payout_file_stopped']);
    expect(await statusOf(two)).toBe('processing');
  });

  test('is failed by nobody’s word once the file was fetched, whoever asked before, but by the bank’s refusal', async () => {
    const [one, two, three] = [await approved(), await approved(), await approved()];
    const { body: made } = await file([one.id, two.id, three.id]);
    desk.advance(3 * DAY_MS);
    const before = await act(one, 'fail');
    expect((await download(made.id)).status).toBe(200);
    expect((await download(made.id)).status).toBe(200);
    expect((await vote(before)).body.code).toBe('payout_may_leave');
    expect((await act(two, 'fail')).body).toMatchObject({
      code: 'payout_may_leave',
      detail: expect.stringContaining('add that account to the bank accounts first'),
    });
    await act(three, 'unknown');
    expect((await act(three, 'resolve', { outcome: 'failed', ...REASON })).body.code).toBe(
      'payout_may_leave',
    );
    expect((await download(made.id)).body.code).toBe('payout_file_stopped');
    const said = [[one.reference, 'RJCT'] as const];
    expect((await report(made.id, statusReport(made.messageId, said, 'N1', 'PART'))).status).toBe(201);
    expect(await Promise.all([one, two, three].map(statusOf))).toEqual(['failed', 'processing', 'unknown']);
    expect((await voided(made.id)).body.code).toBe('payout_file_downloaded');
  });

  test('waits to be paid by another file once two people gave up its own, which nobody fetches any more', async () => {
    const [one, stopped] = [await approved(), await approved()];
    const { body: made } = await file([one.id, stopped.id]);
    expect((await download(newId())).status).toBe(404);
    await desk.changeGate(stopped.person, { restriction: 'no_out' });
    expect((await download(made.id)).body.code).toBe('payout_file_stopped');
    const asked = await voided(made.id);
    expect(asked.status).toBe(202);
    expect((await voided(made.id)).body.code).toBe('approval_pending_exists');
    expect((await vote(asked, desk.operations)).body.code).toBe('self_approval');
    expect((await vote(asked)).status).toBe(200);
    // Whoever was stopped meanwhile is looked at again before anything of theirs leaves.
    expect(await Promise.all([one, stopped].map(statusOf))).toEqual(['approved', 'under_review']);
    expect(await desk.balance(one.person, 'USD')).toEqual({ total: '1000', reserved: '100' });
    expect((await download(made.id)).body.code).toBe('payout_file_void');
    expect((await voided(made.id)).body.code).toBe('payout_file_void');
    const told = statusReport(made.messageId, [[one.reference, 'RJCT']], 'V1');
    expect((await report(made.id, told)).body.code).toBe('payout_file_void');
    const { body: next } = await file([one.id]);
    expect((await download(next.id)).body).toContain(one.reference);
    const shown = await desk.request(desk.operations, 'GET', `/v1/payout-files/${made.id}`);
    expect(shown.body).toMatchObject({ downloadedAt: null, voidedAt: expect.any(String) });
    const fetched = await desk.request(desk.operations, 'GET', `/v1/payout-files/${next.id}`);
    expect(fetched.body).toMatchObject({ downloadedAt: expect.any(String), voidedAt: null });
  });

  test('is not freed by a vote while its file is fetched, nor the file given up: one of them happens', async () => {
    for (const ask of ['fail', 'void'] as const) {
      const one = await approved();
      const { body: made } = await file([one.id]);
      desk.advance(3 * DAY_MS);
      const asked = ask === 'fail' ? await act(one, 'fail') : await voided(made.id);
      const [fetched, agreed] = await Promise.all([download(made.id), vote(asked)]);
      expect([fetched.status, agreed.status].toSorted((a, b) => a - b)).toEqual([200, 409]);
      expect(await statusOf(one)).toBe(
        fetched.status === 200 ? 'processing' : ask === 'fail' ? 'failed' : 'approved',
      );
    }
  });

  test('is in one file, and a file fetched or given up, by the database', async () => {
    const [one, two] = [await approved(), await approved()];
    const [{ body: made }, { body: fetched }] = [await file([one.id]), await file([two.id])];
    await download(fetched.id);
    const { engine } = desk.deps.db;
    const at = desk.deps.clock.now();
    const item = { withdrawalId: one.id as Id, fileId: fetched.id, position: 9 };
    expect(
      await engine
        .insert(payoutFileItems)
        .values(item)
        .then(() => '', sqlStateOf),
    ).toBe('PL055');
    const asked = await voided(made.id);
    const give = (fileId: Id) =>
      engine
        .insert(payoutFileVoids)
        .values({ fileId, approvalId: asked.body.approval.id, voidedAt: at })
        .then(() => '', sqlStateOf);
    expect([await give(made.id), await give(fetched.id)]).toEqual(['PL007', 'PL055']);
    expect((await vote(asked)).status).toBe(200);
    const fetch = { id: newId(), fileId: made.id, downloadedBy: desk.operations.userId, downloadedAt: at };
    expect(
      await engine
        .insert(payoutFileDownloads)
        .values(fetch)
        .then(() => '', sqlStateOf),
    ).toBe('PL055');
  });
});

describe('a status report', () => {
  test('books what was settled, frees what was refused, and of the rest nobody knows', async () => {
    const paid = [await approved(), await approved(), await approved()];
    const { body } = await file(paid.map(({ id }) => id));
    const [settled, refused, other] = paid as [Approved, Approved, Approved];
    const says = (last: string, name: string) =>
      statusReport(
        body.messageId,
        [
          [settled.reference, 'ACSC'],
          [refused.reference, 'RJCT'],
          [other.reference, last],
        ],
        name,
      );
    const first = await report(body.id, says('CANC', 'R1'));
    expect(first).toMatchObject({
      status: 201,
      body: { completedCount: 1, failedCount: 1, pendingCount: 0, unknownCount: 1 },
    });
    expect(await Promise.all(paid.map(statusOf))).toEqual(['completed', 'failed', 'unknown']);
    expect(await desk.balance(settled.person, 'USD')).toEqual({ total: '900', reserved: '0' });
    expect(await desk.balance(refused.person, 'USD')).toEqual({ total: '1000', reserved: '0' });
    expect(await desk.balance(other.person, 'USD')).toEqual({ total: '1000', reserved: '100' });

    expect((await report(body.id, says('CANC', 'R1'))).body.code).toBe('report_duplicate');
    expect((await report(body.id, says('PDNG', 'R2'))).body).toMatchObject({
      pendingCount: 1,
      unknownCount: 0,
    });
    expect(await statusOf(other)).toBe('unknown');
    expect((await report(body.id, says('ACSC', 'R3'))).body).toMatchObject({ conflictCount: 0 });
    expect(await statusOf(other)).toBe('completed');
  });

  test('of steps before the end leaves payouts on their way, whichever it names, until one that says the end', async () => {
    const paid = [await approved(), await approved()];
    const { body } = await file(paid.map(({ id }) => id));
    const steps = ['RCVD', 'PDNG', 'ACTC', 'ACCP', 'ACSP'];
    for (const step of steps) {
      const said = paid.map(({ reference }) => [reference, step] as const);
      const answer = await report(body.id, statusReport(body.messageId, said, step, step));
      expect(answer.body).toMatchObject({ completedCount: 0, pendingCount: 2, unknownCount: 0 });
      expect(await Promise.all(paid.map(statusOf))).toEqual(['processing', 'processing']);
    }
    const [one, two] = paid as [Approved, Approved];
    const ends = [
      [one.reference, 'ACCC'],
      [two.reference, 'ACSC'],
    ] as const;
    expect((await report(body.id, statusReport(body.messageId, ends, 'E1', 'ACSC'))).status).toBe(201);
    expect(await Promise.all(paid.map(statusOf))).toEqual(['completed', 'completed']);
    expect(await desk.balance(one.person, 'USD')).toEqual({ total: '900', reserved: '0' });
    // An earlier step of what was booked says nothing new.
    const late = statusReport(body.messageId, [[one.reference, 'ACSP']], 'E2');
    expect((await report(body.id, late)).body).toMatchObject({ pendingCount: 1, conflictCount: 0 });
  });

  test('of a file that nobody fetched settles nothing: no bank can have it', async () => {
    const one = await approved();
    const made = await file([one.id]);
    const xml = statusReport(made.body.messageId, [[one.reference, 'ACSC']]);
    expect((await report(made.body.id, xml, desk.operations2, false)).body).toMatchObject({
      code: 'payout_file_not_fetched',
    });
    expect(await statusOf(one)).toBe('processing');
    expect((await report(made.body.id, xml)).status).toBe(201);
    expect(await statusOf(one)).toBe('completed');
  });

  test('settles what it names and leaves the rest as it is', async () => {
    const paid = [await approved(), await approved(), await approved()];
    const { body } = await file(paid.map(({ id }) => id));
    const [refused, second, third] = paid as [Approved, Approved, Approved];
    const names = (group: string, name: string, ...said: (readonly [string, string])[]) =>
      statusReport(body.messageId, said, name, group);
    expect((await report(body.id, names('PART', 'P1', [refused.reference, 'RJCT']))).body).toMatchObject({
      completedCount: 0,
      failedCount: 1,
      unknownCount: 0,
    });
    expect(await Promise.all(paid.map(statusOf))).toEqual(['failed', 'processing', 'processing']);
    // What was taken in and goes on is no end of anything.
    expect((await report(body.id, names('ACCP', 'P2'))).status).toBe(201);
    expect(await statusOf(second)).toBe('processing');
    expect((await report(body.id, names('', 'P3'))).body.code).toBe('report_malformed');
    const turned = names('RJCT', 'P4', [second.reference, 'ACSC']);
    expect((await report(body.id, turned)).body.code).toBe('report_malformed');
    expect((await report(body.id, names('', 'P5', [third.reference, 'ACSC']))).status).toBe(201);
    expect(await Promise.all(paid.map(statusOf))).toEqual(['failed', 'processing', 'completed']);
  });

  test.each([
    ['ACSC', 'completed', '900'],
    ['ACCC', 'completed', '900'],
    ['RJCT', 'failed', '1000'],
  ])('that says %s of the whole without naming a payment says it of each', async (said, status, total) => {
    const paid = [await approved(), await approved()];
    const { body } = await file(paid.map(({ id }) => id));
    expect((await report(body.id, statusReport(body.messageId, [], 'W1', said))).status).toBe(201);
    for (const one of paid) {
      expect(await statusOf(one)).toBe(status);
      expect(await desk.balance(one.person, 'USD')).toEqual({ total, reserved: '0' });
    }
  });

  test('that contradicts one payment settles the others and leaves critical work that another person ends', async () => {
    const paid = [await approved(), await approved(), await approved()];
    const { body } = await file(paid.map(({ id }) => id));
    const [freed, booked, other] = paid as [Approved, Approved, Approved];
    const first = [
      [freed.reference, 'RJCT'],
      [booked.reference, 'ACSC'],
    ] as const;
    await report(body.id, statusReport(body.messageId, first, 'C1'));
    const turned = [
      [freed.reference, 'ACSP'],
      [booked.reference, 'RJCT'],
      [other.reference, 'ACSC'],
    ] as const;
    const answer = await report(body.id, statusReport(body.messageId, turned, 'C2'));
    expect(answer.body).toMatchObject({
      completedCount: 1,
      failedCount: 0,
      unknownCount: 0,
      conflictCount: 2,
    });
    expect(await Promise.all(paid.map(statusOf))).toEqual(['failed', 'completed', 'completed']);
    await report(body.id, statusReport(body.messageId, turned, 'C3'));
    const listed = await desk.request(desk.operations, 'GET', '/v1/payout-conflicts?status=open');
    const its = listed.body.data.filter((row: { reportId: string }) => row.reportId === answer.body.id);
    expect(its.map((row: { said: string; stood: string }) => [row.said, row.stood]).toSorted()).toEqual([
      ['failed', 'completed'],
      ['pending', 'failed'],
    ]);
    const alarms = await desk.deps.db.engine
      .select()
      .from(auditLogs)
      .where(
        and(
          eq(auditLogs.eventType, 'payout_report.contradicts'),
          eq(auditLogs.subjectUserId, freed.person.userId),
        ),
      );
    expect(alarms.map((row) => row.severity)).toEqual(['critical']);
    const close = (by: Person) =>
      desk.request(by, 'POST', `/v1/payout-conflicts/${its[0].id}/close`, { body: REASON });
    expect((await close(desk.operations2)).body.code).toBe('report_needs_another_person');
    expect((await close(desk.compliance)).body).toMatchObject({
      status: 'closed',
      closedBy: desk.compliance.userId,
    });
    expect((await close(desk.operations)).body.code).toBe('conflict_closed');
  });

  test('that is foreign, twofold, malformed or from who made the file changes nothing', async () => {
    const paid = [await approved(), await approved()];
    const { body } = await file(paid.map(({ id }) => id));
    const [one, two] = paid as [Approved, Approved];
    const all = [
      [one.reference, 'ACSC'],
      [two.reference, 'ACSC'],
    ] as const;
    const whole = statusReport(body.messageId, all);
    const bad: readonly (readonly [string, string])[] = [
      [statusReport(body.messageId, [...all, ['FOREIGN', 'ACSC']]), 'report_foreign'],
      [statusReport('ANOTHERFILE', all), 'report_foreign'],
      [statusReport(body.messageId, [all[0], all[0]]), 'report_malformed'],
      [whole.replace('pain.002.001.10', 'camt.053.001.08'), 'report_malformed'],
      [whole.slice(0, -20), 'report_malformed'],
      [`<!DOCTYPE x [<!ENTITY e "x">]>${whole}`, 'report_malformed'],
      ['', 'report_malformed'],
    ];
    for (const [xml, code] of bad) {
      expect([code, (await report(body.id, xml)).body.code]).toEqual([code, code]);
    }
    expect((await report(body.id, whole, desk.operations)).body.code).toBe('report_needs_another_person');
    expect((await report(newId(), whole)).status).toBe(404);
    expect(await Promise.all(paid.map(statusOf))).toEqual(['processing', 'processing']);
    const { engine } = desk.deps.db;
    expect(await engine.select().from(payoutReports).where(eq(payoutReports.fileId, body.id))).toEqual([]);
    const answers = await Promise.all([report(body.id, whole), report(body.id, whole)]);
    expect(answers.map((answer) => answer.status).toSorted((a, b) => a - b)).toEqual([201, 409]);
    expect(await desk.balance(one.person, 'USD')).toEqual({ total: '900', reserved: '0' });
  });
});
