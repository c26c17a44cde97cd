/**
 * What people do after a restore, over HTTP: see that nothing moves, give the log a new name, reconcile the
 * day with the banks and custodians, explain what differs, sign, and end the recovery, two people each time.
 */
import { codeOf } from '../../src/demo/client.ts';
import type { DemoCredentials, DemoName } from '../../src/demo/credentials.ts';

export type ReopenOptions = {
  readonly url: string;
  readonly credentials: DemoCredentials;
  readonly erasedId: string;
  readonly nowMs: () => number;
};

// biome-ignore lint/suspicious/noExplicitAny: answers of many operations, each looked at where it is used
type Body = any;
type Call = { readonly status: number; readonly body: Body };
type Send = (method: string, path: string, body?: unknown, contentType?: string) => Promise<Call>;

const TOTP_STEP_MS = 30_000;
const WAIT_MS = 20_000;
const REASON = { reason: 'Drill: looked at it' };

/** Leads the installation out of recovery. @shape what was seen, in a few words */
export async function reopen(options: ReopenOptions): Promise<string> {
  const operations = await signIn(options, 'operations');
  const operations2 = await signIn(options, 'operations2');
  const compliance = await signIn(options, 'compliance');
  const mlro = await signIn(options, 'mlro');
  const moved = await operations('POST', '/v1/payout-files', {});
  expect(moved, 503, 'a payout file in recovery');
  const erased = ok(await compliance('GET', `/v1/users/${options.erasedId}`));
  if (erased.emailMasked !== '') {
    throw new Error('the erased person can be read');
  }
  const { latest } = ok(await compliance('GET', '/v1/recovery'));
  if (latest.foreignSize <= latest.treeSize) {
    throw new Error('the restored log should be behind the checkpoint that was kept');
  }
  const origin = `plimsoll.local/audit/${latest.id.slice(-8)}`;
  const renaming = ok(await compliance('POST', '/v1/recovery/log-origin', { origin, ...REASON }));
  ok(await mlro('POST', `/v1/approvals/${renaming.approval.id}/approve`, REASON));
  await until('the log goes on under its new name', async () => {
    const { body } = await compliance('GET', '/v1/audit/log/checkpoint');
    return String(body).startsWith(`${origin}\n`);
  });
  const runId = await reconcileToday(operations, operations2);
  const ending = ok(await compliance('POST', '/v1/recovery/end', { reconciliationId: runId, ...REASON }));
  ok(await mlro('POST', `/v1/approvals/${ending.approval.id}/approve`, REASON));
  await until('the node is ready', async () => (await fetch(`${options.url}/readyz`)).status === 200);
  return `restored at a tree of ${latest.treeSize}, ${latest.foreignSize} was kept elsewhere; the log goes on as ${origin}`;
}

/** Statements and reports of today for all that is held, then a run that two people sign. */
async function reconcileToday(operations: Send, second: Send): Promise<string> {
  const first = ok(
    await operations('POST', '/v1/reconciliations', { businessDate: await today(operations) }),
  );
  const day = first.businessDate;
  for (const account of ok(await operations('GET', '/v1/bank-accounts')).data) {
    const bank = first.run.banks.find((each: Body) => each.reference === account.houseReference);
    const closing = bank?.perStatement ?? '0';
    const file = statement(account.iban, account.currency, closing, day);
    const taken = ok(await operations('POST', '/v1/bank-statements', file, 'application/xml'));
    ok(await second('POST', `/v1/approvals/${taken.confirmationId}/approve`, REASON));
  }
  const custodians = Map.groupBy(first.run.custody as readonly Body[], (each) => each.custodian as string);
  for (const [custodian, holdings] of custodians) {
    const report = {
      custodian,
      asOf: day,
      holdings: holdings
        .filter(({ asset, perBooks }) => asset !== '*' && !String(perBooks).startsWith('-'))
        .map(({ asset, perBooks }) => ({ asset, quantity: perBooks })),
    };
    const held = JSON.stringify(report);
    const taken = ok(await operations('POST', '/v1/custody-reports', held, 'application/json'));
    ok(await second('POST', `/v1/approvals/${taken.confirmationId}/approve`, REASON));
  }
  const run = ok(await operations('POST', '/v1/reconciliations', { businessDate: day }));
  for (const each of run.run.breaks) {
    if (each.severity === 'critical' && each.status === 'open') {
      const asked = await operations('POST', `/v1/reconciliation-breaks/${each.id}/explain`, REASON);
      if (asked.status === 202) {
        ok(await second('POST', `/v1/approvals/${asked.body.approval.id}/approve`, REASON));
      }
    }
  }
  ok(await operations('POST', `/v1/reconciliations/${run.id}/sign-off`, REASON));
  ok(await second('POST', `/v1/reconciliations/${run.id}/sign-off`, REASON));
  return run.id;
}

/** The firm's day: a later one is refused as one that has not come. */
async function today(operations: Send): Promise<string> {
  const { latest } = ok(await operations('GET', '/v1/recovery'));
  return new Intl.DateTimeFormat('sv-SE', { timeZone: 'Indian/Mauritius' }).format(
    new Date(latest.startedAt),
  );
}

function statement(iban: string, currency: string, balance: string, day: string): string {
  const balanceOf = (code: string) =>
    `<Bal><Tp><CdOrPrtry><Cd>${code}</Cd></CdOrPrtry></Tp><Amt Ccy="${currency}">${balance}</Amt>` +
    `<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>${day}</Dt></Dt></Bal>`;
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">' +
    `<BkToCstmrStmt><GrpHdr><MsgId>DRILL-${day}</MsgId><CreDtTm>${day}T00:00:00Z</CreDtTm></GrpHdr>` +
    `<Stmt><Id>DRILL-${iban.slice(-8)}-${day}</Id><CreDtTm>${day}T00:00:00Z</CreDtTm>` +
    `<Acct><Id><IBAN>${iban}</IBAN></Id><Ccy>${currency}</Ccy></Acct>` +
    `${balanceOf('OPBD')}${balanceOf('CLBD')}</Stmt></BkToCstmrStmt></Document>`
  );
}

async function signIn({ url, credentials, nowMs }: ReopenOptions, name: DemoName): Promise<Send> {
  const { email, password, totpSecret } = credentials[name];
  const anonymous = sender(url);
  for (let attempt = 1; ; attempt += 1) {
    const totp = codeOf(totpSecret, nowMs());
    const { status, body } = await anonymous('POST', '/v1/auth/login', { email, password, totp });
    if (status === 200) {
      return sender(url, body.accessToken);
    }
    if (attempt === 2) {
      throw new Error(`${name} was not signed in: ${status} ${body?.code}`);
    }
    // A code is taken once: the one before the backup may be the one shown now.
    await Bun.sleep(TOTP_STEP_MS - (nowMs() % TOTP_STEP_MS) + 500);
  }
}

function sender(url: string, token?: string): Send {
  return async (method, path, body, contentType = 'application/json') => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': contentType }),
        ...(method === 'GET' ? {} : { 'idempotency-key': crypto.randomUUID() }),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    const isJson = answer.headers.get('content-type')?.includes('json') === true;
    return { status: answer.status, body: isJson ? JSON.parse(text) : text };
  };
}

function ok({ status, body }: Call): Body {
  if (status >= 300) {
    throw new Error(`a step was answered ${status} ${body?.code} ${body?.detail ?? ''}`);
  }
  return body;
}

function expect({ status, body }: Call, wanted: number, what: string): void {
  if (status !== wanted) {
    throw new Error(`${what} was answered ${status} ${body?.code}, not ${wanted}`);
  }
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) {
      throw new Error(`it did not come to pass that ${what}`);
    }
    await Bun.sleep(100);
  }
}
