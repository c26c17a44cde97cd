import { present } from '../../../kernel/assert.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { type Gate, lockGates } from '../../identity/index.ts';
import { formsOf, isExposed } from '../applications/forms-of.ts';
import { itemsOf, type KycItem, missingAtRisk } from '../applications/items.ts';
import type { ShownItem } from '../applications/requirements.ts';
import { sessionEvidence } from '../providers/answered-sessions.ts';
import { isCritical, type ReviewNotice, reviewNotices } from '../review-notices.ts';
import { approvalWaitsFor } from '../rules.ts';
import { declarationOf, documentsOf, type KycApplication } from '../store.ts';
import { exposuresOf } from './exposures-of.ts';
import { riskOf, riskOnceApproved } from './risk-of.ts';
import { type RiskLevel, requiresSenior, type SeniorReason } from './rules.ts';

/** One line of why: which rule saw what and said what; codes only. */
export type Explained = { readonly rule: string; readonly input: string; readonly outcome: string };

type Blocked =
  | 'screening_not_clear'
  | 'items_sent_back'
  | 'items_missing'
  | 'risk_not_rated'
  | 'risk_prohibited';

/** What speaks for and against approving an application as it stands. */
export type Judgement = {
  /** Why nobody may approve it now. */
  readonly blocked: Blocked | null;
  /** Why one reviewer may not approve it alone. */
  readonly senior: readonly SeniorReason[];
  /** The notices that are grave enough for a second person, each once. */
  readonly critical: readonly string[];
  readonly evidence: object;
  /** What has to be shown at the risk of today, and nobody asked for or nothing shows. */
  readonly missing: readonly ShownItem[];
  readonly explanation: readonly Explained[];
};

/** Judges an application whose gate and row the caller has locked. */
export async function judge(tx: Tx, ctx: Ctx, application: KycApplication): Promise<Judgement> {
  const { userId, level } = application;
  const gate = present((await lockGates(tx, [userId])).get(userId), 'every user has a gate');
  const documents = (await documentsOf(tx, application.id)).filter(({ removedAt }) => removedAt === null);
  // Nobody is closed, let alone erased, while an application waits for its decision.
  const declaration = present(await declarationOf(tx, ctx, application), 'the applicant is not erased');
  const notices = await reviewNotices(tx, ctx, application, declaration, documents);
  const items = await itemsOf(tx, application.id);
  const risk = await riskOf(tx, userId);
  const exposures = await exposuresOf(tx, ctx, userId);
  const senior = requiresSenior({
    level,
    politicallyExposed: await isExposed(tx, application, declaration, await formsOf(tx, ctx, application)),
    risk,
    isLegalPerson: application.applicantKind === 'legal',
    itemsWaived: items.filter(({ status }) => status === 'waived').length,
    criticalNotices: notices.filter(({ code }) => isCritical(code)).length,
    exposures,
  });
  const missing = await missingAtRisk(tx, ctx, application, declaration, risk);
  const screening = screeningOf(gate, application);
  const served = risk === 'prohibited' ? await riskOnceApproved(tx, ctx, application) : risk;
  const sentBack = items.some(({ status }) => status === 'resubmit') ? 'items_sent_back' : null;
  return {
    blocked:
      approvalWaitsFor({ screening }) ??
      sentBack ??
      (missing.length > 0 ? 'items_missing' : riskBlocks(served)),
    senior,
    critical: [...new Set(notices.map(({ code }) => code))].filter(isCritical),
    missing,
    evidence: {
      level,
      screening,
      screenedAt: application.screenedAt,
      risk,
      requirementSet: application.requirementSet,
      documents: documents.map(({ id, type }) => ({ id, type })),
      items: items.map(({ item, status, documentId, declarationId }) => ({
        item,
        status,
        documentId,
        declarationId,
      })),
      missing: missing.map(({ item }) => item),
      notices,
      exposures: [...exposures].sort(),
      providerSessions: await sessionEvidence(tx, ctx, application, declaration),
    },
    explanation: explain(screening, items, missing, notices, served, senior),
  };
}

/** Whoever keeps their gate while they ask for more was found clear by what they said before: that says nothing yet. */
function screeningOf({ screening }: Gate, { requirementSet, submittedAt, screenedAt }: KycApplication) {
  // What was handed in before this was kept had its gate shut until it was screened.
  const isKept = requirementSet !== null && submittedAt !== null;
  const isBehind = isKept && (screenedAt === null || screenedAt < submittedAt);
  return isBehind && screening === 'clear' ? 'none' : screening;
}

function riskBlocks(risk: RiskLevel | null): 'risk_not_rated' | 'risk_prohibited' | null {
  if (risk === null) {
    return 'risk_not_rated';
  }
  return risk === 'prohibited' ? 'risk_prohibited' : null;
}

function explain(
  screening: string,
  items: readonly KycItem[],
  missing: readonly ShownItem[],
  notices: readonly ReviewNotice[],
  risk: RiskLevel | null,
  senior: readonly SeniorReason[],
): readonly Explained[] {
  const sentBack = items.filter(({ status }) => status === 'resubmit').map(({ item }) => item);
  const codes = [...new Set(notices.map(({ code }) => code))];
  return [
    { rule: 'screening_is_clear', input: screening, outcome: screening === 'clear' ? 'holds' : 'fails' },
    {
      rule: 'nothing_was_sent_back',
      input: sentBack.join(' ') || 'none',
      outcome: sentBack.length === 0 ? 'holds' : 'fails',
    },
    {
      rule: 'all_is_shown',
      input: missing.map(({ item }) => item).join(' ') || 'none',
      outcome: missing.length === 0 ? 'holds' : 'fails',
    },
    {
      rule: 'notices_were_seen',
      input: codes.join(' ') || 'none',
      outcome: codes.some(isCritical) ? 'senior' : 'holds',
    },
    {
      rule: 'no_provider_contradicts',
      input: codes.filter((code) => code.startsWith('provider_')).join(' ') || 'none',
      outcome: codes.some((code) => code.startsWith('provider_') && isCritical(code)) ? 'senior' : 'holds',
    },
    {
      rule: 'risk_can_be_served',
      input: risk ?? 'not_rated',
      outcome: riskBlocks(risk) === null ? 'holds' : 'fails',
    },
    {
      rule: 'one_reviewer_is_enough',
      input: senior.join(' ') || 'none',
      outcome: senior.length === 0 ? 'holds' : 'senior',
    },
  ];
}
