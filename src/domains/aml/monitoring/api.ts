import { z } from '@hono/zod-openapi';
import { idInput, instantInput, wireId, wireInstant, wireOf } from '../../../platform/http/wire.ts';
import { monitoredActivity, monitoringRules, ruleHits, ruleSnoozes, simulatedAlerts } from './schema.ts';

const Simulation = z
  .object({
    id: wireId,
    at: wireInstant,
    from: wireInstant,
    to: wireInstant,
    contentHash: z.string(),
    activeHash: z.union([z.string(), z.null()]),
    activities: z.number().int(),
    /** Of a kind that the draft looks at; missing where an earlier release simulated. */
    activitiesLookedAt: z.number().int().optional(),
    /** There were more activities than one simulation takes; such a one puts nothing into force. */
    isCut: z.boolean(),
    people: z.number().int(),
    hitsBefore: z.number().int(),
    hitsAfter: z.number().int(),
    alertsBefore: z.number().int(),
    alertsAfter: z.number().int(),
    newAlerts: z.number().int(),
    lostAlerts: z.number().int(),
    /** How many of those are named; `/v1/aml/rules/{id}/simulated-alerts` names them. */
    namedAlerts: z.number().int(),
    holdsBefore: z.number().int(),
    holdsAfter: z.number().int(),
    byBand: z.record(z.string(), z.number().int()),
    sample: z.array(z.string()),
  })
  .openapi('MonitoringSimulation');

export const Rule = wireOf(monitoringRules)
  .pick({
    id: true,
    key: true,
    version: true,
    status: true,
    origin: true,
    contentHash: true,
    reason: true,
    approvalId: true,
    createdBy: true,
    createdAt: true,
    activatedAt: true,
    retiredAt: true,
  })
  .extend({
    content: z.record(z.string(), z.unknown()),
    simulation: z.union([Simulation, z.null()]),
  })
  .openapi('MonitoringRule');

/** An alert that the draft would raise (`new`), or that what is in force raises and the draft does not (`lost`). */
export const SimulatedAlert = wireOf(simulatedAlerts)
  .pick({ id: true, userId: true, typology: true, activityId: true, points: true, at: true })
  .extend({ change: z.enum(['new', 'lost']) })
  .openapi('MonitoringSimulatedAlert');

export const RuleList = z.object({ data: z.array(Rule) }).openapi('MonitoringRuleList');

const ruleKey = z.string().regex(/^[a-z_.]{1,64}$/);

export const RuleQuery = {
  key: ruleKey.optional(),
  status: z.enum(['draft', 'active', 'retired']).optional(),
};

export const NewRule = z
  .strictObject({
    key: ruleKey,
    /** What the key asks for; see docs/compliance/monitoring-rules.md. */
    content: z.record(z.string(), z.unknown()),
    reason: z.string().trim().min(3).max(2000),
  })
  .openapi('NewMonitoringRule');

export const SimulatedTime = z
  .strictObject({ from: instantInput, to: instantInput })
  .refine(({ from, to }) => from < to, 'it begins before it ends')
  .openapi('MonitoringSimulatedTime');

export const RuleHit = wireOf(ruleHits)
  .pick({
    id: true,
    ruleKey: true,
    ruleVersion: true,
    contentHash: true,
    typology: true,
    userId: true,
    measure: true,
    points: true,
    addsEach: true,
    snoozeId: true,
    at: true,
  })
  .extend({
    facts: z.record(z.string(), z.unknown()),
    alertId: z.union([wireId, z.null()]),
    activity: wireOf(monitoredActivity).pick({
      id: true,
      source: true,
      sourceId: true,
      kind: true,
      userId: true,
      occurredAt: true,
      asset: true,
      amount: true,
      direction: true,
      counterpartyCountry: true,
      instrument: true,
      side: true,
      price: true,
      quantity: true,
    }),
  })
  .openapi('MonitoringHit');

export const HitQuery = {
  userId: idInput.optional(),
  ruleKey: ruleKey.optional(),
  alertId: idInput.optional(),
};

export const Snooze = wireOf(ruleSnoozes)
  .pick({
    id: true,
    userId: true,
    ruleKey: true,
    until: true,
    approvalId: true,
    createdBy: true,
    createdAt: true,
    endedAt: true,
    endedBy: true,
  })
  .openapi('MonitoringSnooze');

export const NewSnooze = z
  .strictObject({
    userId: idInput,
    ruleKey,
    until: instantInput,
    reason: z.string().trim().min(3).max(2000),
  })
  .openapi('NewMonitoringSnooze');
