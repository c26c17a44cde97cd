import { z } from '@hono/zod-openapi';
import type { Role } from '../../kernel/actor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { idInput } from '../../platform/http/wire.ts';
import { IDENTITY_PROBLEMS } from '../identity/index.ts';
import { StatementDebitDetail } from './debit-api.ts';
import { downloadStatement } from './download-statement.ts';
import { FUNDING_PROBLEMS } from './errors.ts';
import type { EvidenceFile } from './evidence/evidence-file.ts';
import { getDebit } from './get-debit.ts';
import { getInboundEvent } from './get-inbound-event.ts';
import { InboundEventDetail } from './payment-api.ts';
import { downloadCustodyReport } from './reconciliation/download-custody-report.ts';
import { aged } from './statement-store.ts';

const READERS = ['operations', 'compliance_officer', 'mlro', 'auditor'] as const satisfies readonly Role[];

const params = z.object({ id: idInput });
const tag = 'funding';
const category = 'financial';
const OWN = pickProblems(IDENTITY_PROBLEMS, 'self_action');
const CHANGED = pickProblems(FUNDING_PROBLEMS, 'evidence_changed');

/** What others told of money, as they told it: files, and what is sealed because it names people. */
export const evidenceEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'downloadBankStatement',
    method: 'get',
    path: '/v1/bank-statements/{id}/file',
    tag,
    category,
    summary: 'The file of a bank statement as it was handed in',
    description:
      'Refused files too. Whoever is asked whether a statement is the bank’s holds this file against what the bank ' +
      'itself shows, names and accounts included. Refused to those whose own deposit or payout a line names.',
    access: { staff: READERS, stepUp: true },
    params,
    responses: { 200: { binary: 'application/octet-stream' } },
    problems: { ...CHANGED, ...OWN },
    handler: async (ctx, { params: { id } }) => ({
      status: 200,
      body: attached(`statement-${id}.xml`, await downloadStatement(ctx, id)),
    }),
  }),
  endpoint({
    operationId: 'downloadCustodyReport',
    method: 'get',
    path: '/v1/custody-reports/{id}/file',
    tag,
    category,
    summary: 'The file of a custody report as it was handed in',
    description: 'Refused files too.',
    access: { staff: READERS, stepUp: true },
    params,
    responses: { 200: { binary: 'application/octet-stream' } },
    problems: CHANGED,
    handler: async (ctx, { params: { id } }) => ({
      status: 200,
      body: attached(`custody-report-${id}`, await downloadCustodyReport(ctx, id)),
    }),
  }),
  endpoint({
    operationId: 'getStatementDebit',
    method: 'get',
    path: '/v1/statement-debits/{id}',
    tag,
    category,
    summary: 'One debit with what the bank told of whom the money went to',
    access: { staff: READERS },
    params,
    responses: { 200: StatementDebitDetail },
    problems: OWN,
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: aged(ctx, await getDebit(ctx, id)) }),
  }),
  endpoint({
    operationId: 'getInboundEvent',
    method: 'get',
    path: '/v1/inbound-events/{id}',
    tag,
    category,
    summary: 'One event of a payment provider with what it says',
    access: { staff: READERS },
    params,
    responses: { 200: InboundEventDetail },
    problems: OWN,
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getInboundEvent(ctx, id) }),
  }),
];

/** Saved and never shown by a browser: whoever sent the file may have written anything into it. */
function attached(name: string, { bytes, sha256 }: EvidenceFile): Response {
  const digest = Buffer.from(sha256, 'hex').toString('base64');
  return new Response(Buffer.from(bytes), {
    headers: {
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="${name}"`,
      'content-digest': `sha-256=:${digest}:`,
    },
  });
}
