import { z } from '@hono/zod-openapi';
import { ApprovalView } from '../../platform/approvals/api.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import { streamOf } from '../../platform/http/stream-of.ts';
import { idInput } from '../../platform/http/wire.ts';
import { UserReason } from './api.ts';
import { CLOSERS, requestClosing } from './close-user.ts';
import { ERASERS, requestErasure } from './erase-user.ts';
import { IDENTITY_PROBLEMS } from './errors.ts';
import { EXPORTERS, exportPerson } from './export-person.ts';
import {
  DataExport,
  exportQuery,
  PublishAgreement,
  PutSetting,
  Reveal,
  RevealedUserList,
  Setting,
  SettingList,
  settingName,
} from './privacy-api.ts';
import { requestAgreement } from './publish-agreement.ts';
import { putSetting } from './put-setting.ts';
import { REVEALERS, revealUsers } from './reveal-users.ts';
import { getSetting, listSettings } from './settings.ts';

const own = { tag: 'identity', category: 'compliance' } as const;
const params = z.object({ id: idInput });
const settingParams = z.object({ name: settingName });
const pendingExists = pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists');
const SETTING_BYTES = 16 * 1024;
const AGREEMENT_BYTES = 512 * 1024;

/** What people can ask of their data, and what staff may do with it. */
export const privacyEndpoints: readonly Endpoint[] = [
  endpoint({
    ...own,
    operationId: 'revealUsers',
    method: 'post',
    path: '/v1/users/reveal',
    inRecovery: true,
    summary: 'People unmasked, for a purpose that is recorded for each of them',
    description:
      'Operations see names, e-mail and telephone; compliance and MLRO see whole profiles. Looking at many people within an hour raises an alarm.',
    access: { staff: REVEALERS, stepUp: true },
    rate: 'export',
    restricted: true,
    body: Reveal,
    example: {
      userIds: ['0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001'],
      purpose: 'payment_check',
      reason: 'The payer of deposit 0199c4b2 is to be compared',
      fields: ['firstName', 'lastName'],
    },
    responses: { 200: RevealedUserList },
    problems: {
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action', 'fields_not_allowed'),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    },
    handler: async (ctx, { body }) => ({ status: 200, body: { data: await revealUsers(ctx, body) } }),
  }),
  endpoint({
    ...own,
    operationId: 'exportUserData',
    recordsReads: true,
    method: 'get',
    path: '/v1/users/{id}/data-export',
    summary: 'Everything held on a person',
    description:
      'People export themselves, with a second factor checked within five minutes where they have one; compliance and MLRO export others, with such a factor. The purpose, `customer_request` unless another is named, is recorded. The answer is streamed: whatever its length, it is whole when its last member is `complete`.',
    access: { self: true, staff: EXPORTERS },
    rate: 'export',
    restricted: true,
    params,
    query: exportQuery,
    responses: { 200: DataExport },
    problems: pickProblems(PLATFORM_PROBLEMS, 'step_up_required'),
    handler: async (ctx, { params: { id }, query }) => ({
      status: 200,
      body: streamOf(await exportPerson(ctx, id, query)),
    }),
  }),
  endpoint({
    ...own,
    operationId: 'closeUser',
    method: 'post',
    path: '/v1/users/{id}/close',
    summary: 'Asks for a relationship to end; another person decides',
    description:
      'Refused with `closing_obstructed` and an entry for each obstacle while money, holds, orders, payments or reviews are open. Closing is for good and starts the retention clock.',
    access: { staff: CLOSERS, stepUp: true },
    params,
    body: UserReason,
    example: { reason: 'Asked for in writing' },
    responses: { 202: ApprovalView },
    problems: {
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action', 'user_closed', 'closing_obstructed'),
      ...pendingExists,
    },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 202,
      body: await requestClosing(ctx, id, body.reason),
    }),
  }),
  endpoint({
    ...own,
    operationId: 'requestErasure',
    method: 'post',
    path: '/v1/users/{id}/erasure',
    summary: 'Asks for a person to be erased after retention; another person decides',
    description:
      'Refused with `retention_running` and the date while records must be kept, with `closing_obstructed` while money or work is open, and with `legal_hold` while a hold keeps them. Erasing destroys the key of the person: nobody can read their data again.',
    access: { staff: ERASERS, stepUp: true },
    restricted: true,
    params,
    body: UserReason,
    example: { reason: 'Asked for in writing; the retention period is over' },
    responses: { 202: ApprovalView },
    problems: {
      ...pickProblems(
        IDENTITY_PROBLEMS,
        'self_action',
        'user_erased',
        'retention_running',
        'closing_obstructed',
      ),
      ...pickProblems(PLATFORM_PROBLEMS, 'legal_hold'),
      ...pendingExists,
    },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 202,
      body: await requestErasure(ctx, id, body.reason),
    }),
  }),
  endpoint({
    tag: 'identity',
    category: 'admin_action',
    operationId: 'publishAgreement',
    method: 'post',
    path: '/v1/agreements',
    summary: 'Asks for the next revision of an agreement to be published; another person decides',
    description: 'Once it is published, nobody trades before they have accepted it.',
    access: { staff: ['admin'], stepUp: true },
    body: PublishAgreement,
    maxBodyBytes: AGREEMENT_BYTES,
    example: {
      kind: 'terms_of_business',
      title: 'Terms of business',
      body: 'These terms …',
      reason: 'Fees changed by the board on 3 March',
    },
    responses: { 202: ApprovalView },
    problems: pendingExists,
    handler: async (ctx, { body }) => ({ status: 202, body: await requestAgreement(ctx, body) }),
  }),
  ...settingEndpoints(),
];

function settingEndpoints(): readonly Endpoint[] {
  const mine = { tag: 'identity', category: 'authentication', access: { self: true } } as const;
  return [
    endpoint({
      ...mine,
      operationId: 'listSettings',
      method: 'get',
      path: '/v1/me/settings',
      summary: 'The names of one’s own settings',
      responses: { 200: SettingList },
      handler: async (ctx) => ({ status: 200, body: { data: await listSettings(ctx) } }),
    }),
    endpoint({
      ...mine,
      operationId: 'getSetting',
      method: 'get',
      path: '/v1/me/settings/{name}',
      summary: 'One of one’s own settings',
      params: settingParams,
      responses: { 200: Setting },
      handler: async (ctx, { params: { name } }) => ({ status: 200, body: await getSetting(ctx, name) }),
    }),
    endpoint({
      ...mine,
      operationId: 'putSetting',
      method: 'put',
      path: '/v1/me/settings/{name}',
      summary: 'Keeps a setting of one’s own: any JSON value, sealed',
      params: settingParams,
      body: PutSetting,
      maxBodyBytes: SETTING_BYTES,
      example: { value: { dark: true } },
      responses: { 200: Setting },
      problems: pickProblems(IDENTITY_PROBLEMS, 'setting_limit_reached'),
      handler: async (ctx, { params: { name }, body }) => ({
        status: 200,
        body: await putSetting(ctx, name, body.value),
      }),
    }),
  ];
}
