/**
 * A vendor that speaks Marble's public API: the service of Marble, or one that a firm runs itself. One activity is
 * one trigger object of one scenario. It guarantees that no answer is believed that does not fit its shape or is of
 * another scenario or object, and that nothing of a question or an answer stands in a log.
 * @source Marble public API v1: POST /v1/decisions with `scenario_id` and `trigger_object`
 */
import { z } from 'zod';
import { formatAmount } from '../../../kernel/amount.ts';
import type { Json } from '../../../kernel/canonical-json.ts';
import type { Deps } from '../../../platform/context.ts';
import type { MonitoringVendorSettings } from '../../../platform/http/monitoring-vendor.ts';
import { type OutboundAnswer, outbound } from '../../../platform/http/outbound.ts';
import type {
  ActivityQuery,
  AssessmentReply,
  AssessmentVerdict,
  MonitoringVendor,
} from './monitoring-vendor.ts';
import { failureOf, jsonOf } from './read-answer.ts';

const TIMEOUT_MS = 15_000;
const ANSWER_BYTES = 1024 * 1024;

const VERDICTS: Readonly<Record<'approve' | 'review' | 'block_and_review' | 'decline', AssessmentVerdict>> = {
  approve: 'pass',
  review: 'review',
  block_and_review: 'stop',
  decline: 'stop',
};

const Decision = z.looseObject({
  id: z.string().regex(/^[\x21-\x7e]{1,100}$/),
  outcome: z.enum(['approve', 'review', 'block_and_review', 'decline']),
  score: z.number().int().min(-2_147_483_648).max(2_147_483_647),
  scenario: z.looseObject({ id: z.string().max(100) }),
  trigger_object: z.looseObject({ object_id: z.string().max(300) }),
});
const Reply = z.looseObject({
  data: z.array(Decision).max(1),
  metadata: z.looseObject({ skipped: z.number().int().optional() }).optional(),
});

/** The vendor with an operator's settings. */
export function marbleVendor(settings: MonitoringVendorSettings): MonitoringVendor {
  const { mode, kinds } = settings;
  return { name: 'marble', mode, kinds, assess: (deps, query) => assess(deps, settings, query) };
}

async function assess(
  deps: Deps,
  settings: MonitoringVendorSettings,
  query: ActivityQuery,
): Promise<AssessmentReply> {
  const answer = await outbound(deps, {
    url: `${settings.url}/v1/decisions`,
    method: 'POST',
    headers: {
      accept: 'application/json',
      'content-type': 'application/json',
      'x-api-key': settings.apiKey,
    },
    body: `{"scenario_id":${JSON.stringify(settings.scenario)},"trigger_object":${triggerOf(query)}}`,
    timeoutMs: TIMEOUT_MS,
    maxBytes: ANSWER_BYTES,
    allow: 'loopback_in_sandbox',
    expectTypes: ['application/json'],
  });
  return readReply(answer, settings, query);
}

/**
 * The fields of docs/howto/monitoring-vendor.md; what there is none of is left out. Amounts are written as the
 * numbers they are, digit by digit: no float comes between.
 */
function triggerOf(query: ActivityQuery): string {
  const members: readonly (readonly [string, string | null])[] = [
    ['object_id', query.ref],
    ['updated_at', query.occurredAt],
    ['customer_ref', query.customerRef],
    ['counterparty_ref', query.counterpartyRef],
    ['counterparty_country', query.counterpartyCountry],
    ['kind', query.kind],
    ['direction', query.direction],
    ['asset', query.asset],
  ];
  const texts = members.flatMap(([name, value]) =>
    value === null ? [] : [`${JSON.stringify(name)}:${JSON.stringify(value)}`],
  );
  const amount = query.amount === null ? [] : [`"amount":${formatAmount(query.amount)}`];
  return `{${[...texts, ...amount, `"size_bps":${query.sizeBps}`].join(',')}}`;
}

function readReply(
  answer: OutboundAnswer,
  { scenario }: MonitoringVendorSettings,
  { ref }: ActivityQuery,
): AssessmentReply {
  const failed = failureOf(answer);
  if (failed !== null) {
    return failed;
  }
  const said = jsonOf(answer);
  const read = Reply.safeParse(said);
  if (!read.success) {
    return { ok: false, failure: 'malformed' };
  }
  const [decision] = read.data.data;
  if (decision === undefined) {
    return (read.data.metadata?.skipped ?? 0) > 0
      ? { ok: true, assessment: { verdict: 'skipped', score: null, reference: null, answer: said as Json } }
      : { ok: false, failure: 'malformed' };
  }
  if (decision.scenario.id !== scenario || decision.trigger_object.object_id !== ref) {
    return { ok: false, failure: 'malformed' };
  }
  const { outcome, score, id } = decision;
  return {
    ok: true,
    assessment: { verdict: VERDICTS[outcome], score, reference: id, answer: said as Json },
  };
}
