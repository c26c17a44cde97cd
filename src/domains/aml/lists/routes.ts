import { z } from '@hono/zod-openapi';
import { present } from '../../../kernel/assert.ts';
import { ApprovalView } from '../../../platform/approvals/api.ts';
import { pageOf, pageQuery } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { createList } from '../create-list.ts';
import { AML_PROBLEMS } from '../errors.ts';
import { importListVersion } from '../import-list.ts';
import { AML_OPERATION, OFFICERS, READERS } from '../operation.ts';
import { listLists } from '../store.ts';
import {
  ListChange,
  ListFetch,
  ListImport,
  ListOverride,
  ListVersion,
  ListVersionChange,
  NewList,
  ScreeningList,
} from './api.ts';
import { changeList } from './change-list.ts';
import { requestFetch } from './fetch-lists.ts';
import { overrideRefusal } from './let-through.ts';
import { listChangesOf, listFetchesOf, listVersionsOf } from './list-history.ts';
import { formatOf } from './parse-list.ts';
import type { ScreeningList as ListRow } from './store-version.ts';

const MAX_LIST_BYTES = 128 * 1024 * 1024;

const params = z.object({ id: idInput });

export const listEndpoints: readonly Endpoint[] = [
  endpoint({
    ...AML_OPERATION,
    operationId: 'listScreeningLists',
    method: 'get',
    path: '/v1/aml/lists',
    summary: 'The lists with their active versions',
    access: { staff: READERS, scope: 'aml:read' },
    responses: { 200: z.object({ data: z.array(ScreeningList) }).openapi('ScreeningListList') },
    handler: async (ctx) => {
      const lists = await listLists(ctx);
      return {
        status: 200,
        body: { data: lists.map(({ activeVersion, ...list }) => ({ ...shown(list), activeVersion })) },
      };
    },
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'createScreeningList',
    method: 'post',
    path: '/v1/aml/lists',
    summary: 'Set up a list',
    access: { staff: OFFICERS },
    body: NewList,
    example: { kind: 'un_consolidated', name: 'UN Security Council' },
    responses: { 201: ScreeningList },
    problems: pickProblems(AML_PROBLEMS, 'list_exists', 'list_format_unsupported'),
    handler: async (ctx, { body }) => ({
      status: 201,
      body: { ...shown(await createList(ctx, body)), activeVersion: null },
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'changeScreeningList',
    method: 'patch',
    path: '/v1/aml/lists/{id}',
    summary: 'Ask for a list to be set up otherwise; a second person decides',
    description:
      'From where a list is fetched, what it may lose and what a hit on it does decide who is stopped, so a change waits for an approval.',
    access: { staff: OFFICERS, stepUp: true },
    params,
    body: ListChange,
    example: { sourceUrls: { file: 'https://lists.example.org/consolidated.xml' }, fetchMinutes: 360 },
    responses: { 202: z.object({ approval: ApprovalView }).openapi('ListChangeApproval') },
    problems: {
      ...pickProblems(AML_PROBLEMS, 'list_format_unsupported', 'list_files_missing'),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 202,
      body: { approval: await changeList(ctx, id, body) },
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'fetchScreeningList',
    method: 'post',
    path: '/v1/aml/lists/{id}/fetch',
    summary: 'Have a list fetched from its publisher within minutes',
    access: { staff: OFFICERS },
    params,
    responses: { 202: ScreeningList },
    problems: pickProblems(AML_PROBLEMS, 'list_retired', 'list_not_fetched'),
    handler: async (ctx, { params: { id } }) => {
      const list = await requestFetch(ctx, id);
      const lists = await listLists(ctx);
      const activeVersion = lists.find((one) => one.id === id)?.activeVersion ?? null;
      return { status: 202, body: { ...shown(list), activeVersion } };
    },
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'listScreeningListVersions',
    method: 'get',
    path: '/v1/aml/lists/{id}/versions',
    summary: 'The versions of a list, newest first, those that were refused too',
    access: { staff: READERS, scope: 'aml:read' },
    params,
    query: z.strictObject(pageQuery),
    responses: { 200: pageOf(ListVersion) },
    handler: async (ctx, { params: { id }, query }) => ({
      status: 200,
      body: await listVersionsOf(ctx, id, query),
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'listScreeningListFetches',
    method: 'get',
    path: '/v1/aml/lists/{id}/fetches',
    summary: 'Every attempt to fetch a list, newest first',
    access: { staff: READERS, scope: 'aml:read' },
    params,
    query: z.strictObject(pageQuery),
    responses: { 200: pageOf(ListFetch) },
    handler: async (ctx, { params: { id }, query }) => ({
      status: 200,
      body: await listFetchesOf(ctx, id, query),
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'listScreeningListChanges',
    method: 'get',
    path: '/v1/aml/list-versions/{id}/changes',
    summary: 'What a version added, changed and removed',
    access: { staff: READERS, scope: 'aml:read' },
    params,
    query: z.strictObject(pageQuery),
    responses: { 200: pageOf(ListVersionChange) },
    handler: async (ctx, { params: { id }, query }) => ({
      status: 200,
      body: await listChangesOf(ctx, id, query),
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'overrideListVersion',
    method: 'post',
    path: '/v1/aml/list-versions/{id}/override',
    summary: 'Ask for a version that lost too much to become active after all; an MLRO decides',
    access: { staff: OFFICERS, stepUp: true },
    params,
    body: ListOverride,
    example: { reason: 'The regime was repealed; the publisher announced it' },
    responses: { 202: z.object({ approval: ApprovalView }).openapi('ListOverrideApproval') },
    problems: {
      ...pickProblems(AML_PROBLEMS, 'list_not_refused', 'list_moved_on'),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 202,
      body: { approval: await overrideRefusal(ctx, id, body.reason) },
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'importScreeningList',
    method: 'post',
    path: '/v1/aml/lists/{id}/import',
    summary: 'Import a version of a list and make it active',
    description:
      'OFAC CSV takes the three official files as `primary`, `aliases` and `addresses`, the UK list in three tables `subjects`, `names` and `dobs`; every other format takes one `file`. What the file brings is active at once; what it takes off the list stays until a second person agreed.',
    access: { staff: OFFICERS, scope: 'aml:screen' },
    params,
    body: ListImport,
    bodyKind: 'multipart',
    maxBodyBytes: MAX_LIST_BYTES,
    example: { file: '(the file)' },
    responses: {
      201: ListVersion,
      202: z
        .object({ active: z.union([ListVersion, z.null()]), waiting: ListVersion, approval: ApprovalView })
        .openapi('ListImportWaiting'),
    },
    problems: pickProblems(
      AML_PROBLEMS,
      'list_retired',
      'list_files_missing',
      'list_unreadable',
      'list_moved_on',
      'list_unchanged',
      'list_too_small',
      'list_shrunk',
    ),
    handler: async (ctx, { params: { id }, body }) => {
      const { active, waiting } = await importListVersion(ctx, id, await contents(body));
      return waiting === null
        ? { status: 201, body: present(active, 'what does not wait is active') }
        : { status: 202, body: { active, waiting: waiting.version, approval: waiting.approval } };
    },
  }),
];

/** A list as it is shown: with the format it is really read in. */
function shown(list: ListRow) {
  return {
    ...list,
    effect: list.effect === 'review' ? ('review' as const) : ('stop' as const),
    format: formatOf(list),
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
