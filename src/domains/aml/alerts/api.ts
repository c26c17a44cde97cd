import { z } from '@hono/zod-openapi';
import { idInput, wireId, wireInstant, wireOf } from '../../../platform/http/wire.ts';
import { amlAlerts } from '../schema.ts';
import { ALERT_KINDS, SEVERITIES } from './rules.ts';
import { amlAlertEvents, amlAlertItems } from './schema.ts';

export const Alert = wireOf(amlAlerts)
  .pick({
    id: true,
    userId: true,
    screeningId: true,
    status: true,
    kind: true,
    effect: true,
    severity: true,
    occurrences: true,
    points: true,
    sourceRef: true,
    caseId: true,
    assigneeId: true,
    disposition: true,
    proposedDisposition: true,
    closeApprovalId: true,
    reason: true,
    createdAt: true,
    lastSeenAt: true,
    dueAt: true,
    overdueAt: true,
    resolvedAt: true,
    resolvedBy: true,
  })
  .extend({ version: z.number().int() })
  .openapi('AmlAlert');

const AlertItem = wireOf(amlAlertItems)
  .pick({
    listId: true,
    sourceId: true,
    party: true,
    entityId: true,
    bestScoreBps: true,
    firstSeenAt: true,
    lastSeenAt: true,
  })
  .openapi('AmlAlertItem');

const AlertStep = wireOf(amlAlertEvents)
  .pick({ id: true, type: true, actor: true, at: true, screeningId: true })
  .extend({
    data: z.record(z.string(), z.unknown()),
    /** Null where nothing was written, or the person was erased. */
    comment: z.union([z.string(), z.null()]),
  })
  .openapi('AmlAlertStep');

export const AlertFile = Alert.extend({
  /** The listed entries it is about, best first. */
  items: z.array(AlertItem),
  /** What happened to it, oldest first. */
  history: z.array(AlertStep),
}).openapi('AmlAlertFile');

export const AlertQuery = {
  status: z.enum(['open', 'assigned', 'resolved']).optional(),
  kind: z.enum(ALERT_KINDS).optional(),
  severity: z.enum(SEVERITIES).optional(),
  /** `me`, `none`, or somebody. */
  assignee: z.union([z.enum(['me', 'none']), idInput]).optional(),
  overdue: z.enum(['true']).optional(),
};

export const Assignment = z.strictObject({ assigneeId: idInput }).openapi('AlertAssignment');

export const Comment = z.strictObject({ text: z.string().trim().min(1).max(8000) }).openapi('AmlComment');

export const Resolution = z
  .strictObject({
    disposition: z.enum(['true_match', 'false_positive', 'inconclusive']),
    reason: z.string().trim().min(3).max(2000),
    /** Days for which a false positive keeps these entries from being raised again; 0 for not at all. */
    whitelistDays: z.number().int().min(0).max(365).default(180),
  })
  .openapi('AlertResolution');

export const Lift = z
  .strictObject({
    reason: z.string().trim().min(3).max(2000),
    /** What is to be ended: what stands for sanctions, or what keeps money in for a case. */
    cause: z.enum(['sanctions', 'aml_case']).default('sanctions'),
  })
  .openapi('AmlLift');

export const Restriction = z
  .object({
    id: wireId,
    restriction: z.string(),
    cause: z.string(),
    referenceType: z.string(),
    referenceId: wireId,
    placedBy: z.string(),
    placedAt: wireInstant,
  })
  .openapi('GateRestriction');

/** How a customer stands with AML. */
export const Standing = z
  .object({
    userId: wireId,
    screening: z.enum(['none', 'clear', 'open', 'confirmed']),
    restriction: z.enum(['none', 'reduce_only', 'no_out', 'frozen']),
    restrictions: z.array(Restriction),
    openAlerts: z.number().int(),
    openCases: z.number().int(),
  })
  .openapi('AmlStanding');
