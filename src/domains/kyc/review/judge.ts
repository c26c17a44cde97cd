import { present } from '../../../kernel/assert.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockGates } from '../../identity/index.ts';
import { itemsOf, type KycItem } from '../applications/items.ts';
import { isCritical, type ReviewNotice, reviewNotices } from '../review-notices.ts';
import { approvalWaitsFor } from '../rules.ts';
import { declarationOf, documentsOf, type KycApplication } from '../store.ts';
import { riskOf } from './risk-of.ts';
import { type RiskLevel, requiresSenior, type SeniorReason } from './rules.ts';

/** One line of why: which rule saw what and said what; codes only. */
export type Explained = { readonly rule: string; readonly input: string; readonly outcome: string };

type Blocked = 'screening_not_clear' | 'items_sent_back' | 'risk_not_rated' | 'risk_prohibited';

/** What speaks for and against approving an application as it stands. */
export type Judgement = {
  /** Why nobody may approve it now. */
  readonly blocked: Blocked | null;
  /** Why one reviewer may not approve it alone. */
  readonly senior: readonly SeniorReason[];
  readonly evidence: object;
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
  const senior = requiresSenior({
    level,
    politicallyExposed: declaration.politicallyExposed,
    risk,
    isLegalPerson: application.applicantKind === 'legal',
    itemsWaived: items.filter(({ status }) => status === 'waived').length,
    criticalNotices: notices.filter(({ code }) => isCritical(code)).length,
  });
  const sentBack = items.some(({ status }) => status === 'resubmit') ? 'items_sent_back' : null;
  return {
    blocked: approvalWaitsFor(gate) ?? sentBack ?? riskBlocks(risk),
    senior,
    evidence: {
      level,
      screening: gate.screening,
      risk,
      requirementSet: application.requirementSet,
      documents: documents.map(({ id, type }) => ({ id, type })),
      items: items.map(({ item, status, documentId, declarationId }) => ({
        item,
        status,
        documentId,
        declarationId,
      })),
      notices,
    },
    explanation: explain(gate.screening, items, notices, risk, senior),
  };
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
      rule: 'notices_were_seen',
      input: codes.join(' ') || 'none',
      outcome: codes.some(isCritical) ? 'senior' : 'holds',
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
