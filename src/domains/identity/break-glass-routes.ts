import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { AccessToken, Tokens } from './api.ts';
import { BreakGlass, BreakGlassStepUp } from './break-glass-api.ts';
import { IDENTITY_PROBLEMS } from './errors.ts';
import { openBreakGlass, stepUpBreakGlass } from './open-break-glass.ts';

const own = { tag: 'identity', category: 'security', rate: 'recovery' } as const;

const HALVES = {
  firstHalf: '7K2M-9QXA-TB4C-0HJZ-VW3N-E8RD-5FGP-1YSB',
  secondHalf: 'Q3WD-8MJ4-ZT6R-H0KX-B5NV-2GYC-F9PA-7E1S',
};

/** The sealed emergency login. */
export const breakGlassEndpoints: readonly Endpoint[] = [
  endpoint({
    ...own,
    operationId: 'openBreakGlass',
    method: 'post',
    path: '/v1/auth/break-glass',
    inRecovery: true,
    summary: 'Opens the sealed emergency login, once, for an hour; raises an alarm at once',
    description:
      'Both halves of the seal are needed. The session may do what an admin may, and four eyes still hold: ' +
      'it is one person. See the runbook for break-glass.',
    access: { public: true },
    body: BreakGlass,
    example: { ...HALVES, reason: 'Both admins lost their second factors' },
    responses: { 200: Tokens },
    problems: pickProblems(IDENTITY_PROBLEMS, 'seal_refused'),
    handler: async (ctx, { body }) => ({ status: 200, body: await openBreakGlass(ctx, body) }),
  }),
  endpoint({
    ...own,
    operationId: 'stepUpBreakGlass',
    method: 'post',
    path: '/v1/auth/break-glass/step-up',
    inRecovery: true,
    summary: 'Checks both halves again within the emergency session, which then counts as freshly proved',
    access: { self: true },
    body: BreakGlassStepUp,
    example: HALVES,
    responses: { 200: AccessToken },
    problems: pickProblems(IDENTITY_PROBLEMS, 'seal_refused'),
    handler: async (ctx, { body }) => ({ status: 200, body: await stepUpBreakGlass(ctx, body) }),
  }),
];
