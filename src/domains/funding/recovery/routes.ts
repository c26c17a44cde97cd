import type { Role } from '../../../kernel/actor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { ApprovalRequested } from '../api.ts';
import { EndRecovery, NewLogOrigin, RecoveryView } from './api.ts';
import { requestEndOfRecovery } from './end-recovery.ts';
import { RECOVERY_PROBLEMS } from './errors.ts';
import { readRecovery } from './read-recovery.ts';
import { requestLogOrigin } from './set-log-origin.ts';

const DECIDERS = ['compliance_officer', 'mlro'] as const satisfies readonly Role[];
const READERS = [...DECIDERS, 'operations', 'admin', 'auditor'] as const satisfies readonly Role[];

const tag = 'funding';
const category = 'admin_action';

export const recoveryEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'getRecovery',
    method: 'get',
    path: '/v1/recovery',
    tag,
    summary: 'Whether the installation is in recovery, and the latest recovery there was',
    access: { staff: READERS },
    responses: { 200: RecoveryView },
    handler: async (ctx) => ({ status: 200, body: await readRecovery(ctx) }),
  }),
  endpoint({
    operationId: 'endRecovery',
    method: 'post',
    path: '/v1/recovery/end',
    inRecovery: true,
    tag,
    category,
    summary: 'Ask for the end of the recovery',
    description:
      'On a reconciliation of the day the recovery began or later that compared every bank account and custodian ' +
      'and is signed. Another person decides; then every node moves again within a second.',
    access: { staff: DECIDERS, stepUp: true },
    body: EndRecovery,
    example: {
      reconciliationId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001',
      reason: 'Payouts after the backup were traced to the statements',
    },
    responses: { 202: ApprovalRequested },
    problems: {
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
      ...pickProblems(
        RECOVERY_PROBLEMS,
        'not_in_recovery',
        'log_not_settled',
        'reconciliation_too_old',
        'reconciliation_incomplete',
        'reconciliation_unsigned',
      ),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { body }) => ({
      status: 202,
      body: { approval: await requestEndOfRecovery(ctx, body) },
    }),
  }),
  endpoint({
    operationId: 'setLogOrigin',
    method: 'post',
    path: '/v1/recovery/log-origin',
    inRecovery: true,
    tag,
    category,
    summary: 'Ask that the audit log go on under a new name',
    description:
      'Where the restored tree is behind checkpoints that others hold. Nothing is signed until it is settled. ' +
      'Another person decides; afterwards `PLIMSOLL_LOG_ORIGIN` must say the new name. Where the database was ' +
      'moved as a whole and nobody holds more of the log, the name it has may be given.',
    access: { staff: [...DECIDERS, 'admin'], stepUp: true },
    body: NewLogOrigin,
    example: { origin: 'audit.example.mu/2026-02', reason: 'Restored from the backup of 31 January' },
    responses: { 202: ApprovalRequested },
    problems: {
      ...pickProblems(RECOVERY_PROBLEMS, 'not_in_recovery', 'log_settled', 'log_origin_in_use'),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { body }) => ({
      status: 202,
      body: { approval: await requestLogOrigin(ctx, body) },
    }),
  }),
];
