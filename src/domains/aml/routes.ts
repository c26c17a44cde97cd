import { z } from '@hono/zod-openapi';
import type { Role } from '../../kernel/actor.ts';
import { ApprovalView } from '../../platform/approvals/api.ts';
import { pageOf, pageQuery } from '../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import { idInput } from '../../platform/http/wire.ts';
import {
  Alert,
  Assignment,
  ListImport,
  ListVersion,
  NewList,
  NewScreening,
  type NewScreeningInput,
  Resolution,
  Screening,
  ScreeningFile,
  ScreeningList,
} from './api.ts';
import { createList } from './create-list.ts';
import { AML_PROBLEMS } from './errors.ts';
import { importList } from './import-list.ts';
import { assignAlert, resolveAlert } from './resolve-alert.ts';
import type { ScreeningSubject } from './score.ts';
import { screenSubject, screenUser } from './screen.ts';
import { getAlert, getScreening, listAlerts, listLists, listScreenings } from './store.ts';

const OFFICERS = ['compliance_officer', 'mlro'] as const satisfies readonly Role[];
const READERS = [...OFFICERS, 'auditor'] as const satisfies readonly Role[];
const MAX_LIST_BYTES = 128 * 1024 * 1024;

const params = z.object({ id: idInput });
const shared = { tag: 'aml', category: 'compliance', restricted: true } as const;

export const amlEndpoints: readonly Endpoint[] = [
  endpoint({
    ...shared,
    operationId: 'createScreening',
    method: 'post',
    path: '/v1/aml/screenings',
    summary: 'Screen a subject, or a customer again, against the active lists',
    access: { staff: OFFICERS, scope: 'aml:screen' },
    body: NewScreening,
    example: { subject: { name: 'Ahmad Tea', kind: 'person', birthDate: '1970', country: 'MU' } },
    responses: { 201: ScreeningFile },
    problems: {
      ...pickProblems(AML_PROBLEMS, 'no_active_list', 'name_unusable', 'self_review'),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    },
    handler: async (ctx, { body }) => {
      const screening =
        'userId' in body
          ? await screenUser(ctx, body.userId, 'manual')
          : await screenSubject(ctx, subjectOf(body));
      return { status: 201, body: await getScreening(ctx, screening.id) };
    },
  }),
  endpoint({
    ...shared,
    operationId: 'listScreenings',
    method: 'get',
    path: '/v1/aml/screenings',
    summary: 'Screenings, newest first',
    access: { staff: READERS, scope: 'aml:read' },
    query: z.strictObject(pageQuery),
    responses: { 200: pageOf(Screening) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listScreenings(ctx, query) }),
  }),
  endpoint({
    ...shared,
    operationId: 'getScreening',
    recordsReads: true,
    method: 'get',
    path: '/v1/aml/screenings/{id}',
    summary: 'A screening with its matches and what explains them',
    access: { staff: READERS, scope: 'aml:read' },
    params,
    responses: { 200: ScreeningFile },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getScreening(ctx, id) }),
  }),
  endpoint({
    ...shared,
    operationId: 'listScreeningLists',
    method: 'get',
    path: '/v1/aml/lists',
    summary: 'The lists with their active versions',
    access: { staff: READERS, scope: 'aml:read' },
    responses: { 200: z.object({ data: z.array(ScreeningList) }).openapi('ScreeningListList') },
    handler: async (ctx) => ({ status: 200, body: { data: await listLists(ctx) } }),
  }),
  endpoint({
    ...shared,
    operationId: 'createScreeningList',
    method: 'post',
    path: '/v1/aml/lists',
    summary: 'Set up a list',
    access: { staff: OFFICERS },
    body: NewList,
    example: { kind: 'un_consolidated', name: 'UN Security Council' },
    responses: { 201: ScreeningList },
    problems: pickProblems(AML_PROBLEMS, 'list_exists'),
    handler: async (ctx, { body }) => ({
      status: 201,
      body: { ...(await createList(ctx, body)), activeVersion: null },
    }),
  }),
  endpoint({
    ...shared,
    operationId: 'importScreeningList',
    method: 'post',
    path: '/v1/aml/lists/{id}/import',
    summary: 'Import a version of a list and make it active',
    description:
      'OFAC lists take the three official CSV files as `primary`, `aliases` and `addresses`; the UN list and own lists take one `file`.',
    access: { staff: OFFICERS, scope: 'aml:screen' },
    params,
    body: ListImport,
    bodyKind: 'multipart',
    maxBodyBytes: MAX_LIST_BYTES,
    example: { file: '(the file)' },
    responses: { 201: ListVersion },
    problems: pickProblems(
      AML_PROBLEMS,
      'list_files_missing',
      'list_kind_unsupported',
      'list_unreadable',
      'list_unchanged',
      'list_shrunk',
    ),
    handler: async (ctx, { params: { id }, body }) => ({
      status: 201,
      body: await importList(ctx, id, await contents(body)),
    }),
  }),
  endpoint({
    ...shared,
    operationId: 'listAmlAlerts',
    method: 'get',
    path: '/v1/aml/alerts',
    summary: 'Alerts, newest first',
    access: { staff: READERS, scope: 'aml:read' },
    query: z.strictObject({ ...pageQuery, status: z.enum(['open', 'assigned', 'resolved']).optional() }),
    responses: { 200: pageOf(Alert) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listAlerts(ctx, query) }),
  }),
  endpoint({
    ...shared,
    operationId: 'getAmlAlert',
    method: 'get',
    path: '/v1/aml/alerts/{id}',
    summary: 'One alert',
    access: { staff: READERS, scope: 'aml:read' },
    params,
    responses: { 200: Alert },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getAlert(ctx, id) }),
  }),
  endpoint({
    ...shared,
    operationId: 'assignAmlAlert',
    method: 'post',
    path: '/v1/aml/alerts/{id}/assign',
    summary: 'Give an alert to somebody',
    access: { staff: OFFICERS },
    params,
    body: Assignment,
    example: { assigneeId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001' },
    responses: { 200: Alert },
    problems: pickProblems(AML_PROBLEMS, 'alert_resolved', 'self_review'),
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: await assignAlert(ctx, id, body.assigneeId),
    }),
  }),
  endpoint({
    ...shared,
    operationId: 'resolveAmlAlert',
    method: 'post',
    path: '/v1/aml/alerts/{id}/resolve',
    summary: 'Decide what an alert was; a false positive waits for a second person',
    access: { staff: OFFICERS, stepUp: true },
    params,
    body: Resolution,
    example: { disposition: 'false_positive', reason: 'Another birth date and another nationality' },
    responses: { 200: Alert, 202: z.object({ approval: ApprovalView }).openapi('AlertApproval') },
    problems: {
      ...pickProblems(AML_PROBLEMS, 'alert_resolved', 'self_review'),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { id }, body }) => {
      const outcome = await resolveAlert(ctx, id, body);
      return 'alert' in outcome
        ? { status: 200, body: outcome.alert }
        : { status: 202, body: { approval: outcome.approval } };
    },
  }),
];

function subjectOf(input: Extract<NewScreeningInput, { subject: unknown }>): ScreeningSubject {
  const { name, kind, birthDate, country, gender } = input.subject;
  return {
    name,
    kind,
    ...(birthDate === undefined ? {} : { birthDate }),
    ...(country === undefined ? {} : { countries: [country] }),
    ...(gender === undefined ? {} : { gender }),
  };
}

async function contents(body: z.infer<typeof ListImport>): Promise<Readonly<Record<string, Uint8Array>>> {
  const files: Record<string, Uint8Array> = {};
  for (const [part, file] of Object.entries(body)) {
    if (file !== undefined) {
      files[part] = new Uint8Array(await file.arrayBuffer());
    }
  }
  return files;
}
