import { z } from '@hono/zod-openapi';
import { STAFF_ROLES } from '../../kernel/actor.ts';
import { ApprovalView } from '../../platform/approvals/api.ts';
import { pageOf, pageQuery } from '../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import { idInput } from '../../platform/http/wire.ts';
import { SetUserRoles, User, UserReason, UserStatus, userFilters } from './api.ts';
import { IDENTITY_PROBLEMS } from './errors.ts';
import { requestReactivation, SUSPENDERS } from './reactivate-user.ts';
import { getUser, listUsers } from './read-users.ts';
import { requestUserRoles } from './set-user-roles.ts';
import { suspendUser } from './suspend-user.ts';

const own = { tag: 'identity', category: 'admin_action' } as const;
const params = z.object({ id: idInput });
const query = z.strictObject({ ...pageQuery, ...userFilters });

/** What staff do with people. */
export const staffEndpoints: readonly Endpoint[] = [
  endpoint({
    ...own,
    operationId: 'listUsers',
    recordsReads: true,
    method: 'get',
    path: '/v1/users',
    summary: 'People, masked, newest first',
    access: { staff: STAFF_ROLES, scope: 'users:read' },
    query,
    responses: { 200: pageOf(User) },
    handler: async (ctx, { query: page }) => ({ status: 200, body: await listUsers(ctx, page) }),
  }),
  endpoint({
    ...own,
    operationId: 'getUser',
    recordsReads: true,
    method: 'get',
    path: '/v1/users/{id}',
    summary: 'One person, masked',
    access: { staff: STAFF_ROLES, scope: 'users:read' },
    params,
    responses: { 200: User },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getUser(ctx, id) }),
  }),
  endpoint({
    ...own,
    operationId: 'suspendUser',
    method: 'post',
    path: '/v1/users/{id}/suspend',
    inRecovery: true,
    summary: 'Shuts a person out at once and ends their sessions',
    access: { staff: SUSPENDERS },
    params,
    body: UserReason,
    example: { reason: 'Reported stolen device' },
    responses: { 200: UserStatus },
    problems: pickProblems(IDENTITY_PROBLEMS, 'self_action', 'user_not_active'),
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: await suspendUser(ctx, id, body.reason),
    }),
  }),
  endpoint({
    ...own,
    operationId: 'reactivateUser',
    method: 'post',
    path: '/v1/users/{id}/reactivate',
    summary: 'Asks for a suspended person to be let in again; another person decides',
    access: { staff: SUSPENDERS, stepUp: true },
    params,
    body: UserReason,
    example: { reason: 'Identity confirmed in a video call' },
    responses: { 202: ApprovalView },
    problems: {
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action', 'user_not_suspended'),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 202,
      body: await requestReactivation(ctx, id, body.reason),
    }),
  }),
  endpoint({
    ...own,
    operationId: 'setUserRoles',
    method: 'put',
    path: '/v1/users/{id}/roles',
    summary: 'Asks for a person to hold exactly these roles; another admin decides',
    access: { staff: ['admin'], stepUp: true },
    params,
    body: SetUserRoles,
    example: { roles: ['operations'], reason: 'Joins the payments team' },
    responses: { 202: ApprovalView },
    problems: {
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action', 'roles_unchanged'),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 202,
      body: await requestUserRoles(ctx, id, body),
    }),
  }),
];
