/**
 * What one subject of a domain hands to its front door. A domain of several subjects is the join of its
 * parts, so that each subject keeps what it registers in its own folder.
 */
import type { Id } from '../kernel/id.ts';
import type { Tx } from './db/client.ts';
import type { ClosingObstacle, Domain, Exposure } from './domain.ts';

export type DomainPart = Partial<Omit<Domain, 'name' | 'auditEvents'>>;

/** Joins the parts of a domain in their order. */
export function joinParts(parts: readonly DomainPart[]) {
  return {
    endpoints: parts.flatMap((part) => part.endpoints ?? []),
    checks: parts.flatMap((part) => part.checks ?? []),
    consumers: parts.flatMap((part) => part.consumers ?? []),
    approvalActions: parts.flatMap((part) => part.approvalActions ?? []),
    jobs: parts.flatMap((part) => part.jobs ?? []),
    personalData: parts.flatMap((part) => part.personalData ?? []),
    retention: parts.flatMap((part) => part.retention ?? []),
    inventory: parts.flatMap((part) => part.inventory ?? []),
    sealedColumns: parts.flatMap((part) => part.sealedColumns ?? []),
    personReads: parts.flatMap((part) => part.personReads ?? []),
    peopleBehind: parts.flatMap((part) => part.peopleBehind ?? []),
    concealedFrom: parts.flatMap((part) => part.concealedFrom ?? []),
    activitySources: parts.flatMap((part) => part.activitySources ?? []),
    reportFacts: parts.flatMap((part) => part.reportFacts ?? []),
    streamChannels: parts.flatMap((part) => part.streamChannels ?? []),
    walletMarks: parts.flatMap((part) => part.walletMarks ?? []),
    exposures: async (tx: Tx, userId: Id) => {
      const found: Exposure[] = [];
      for (const part of parts) {
        found.push(...((await part.exposures?.(tx, userId)) ?? []));
      }
      return found;
    },
    closingObstacles: async (tx: Tx, userId: Id) => {
      const found: ClosingObstacle[] = [];
      for (const part of parts) {
        found.push(...((await part.closingObstacles?.(tx, userId)) ?? []));
      }
      return found;
    },
  } satisfies Required<DomainPart>;
}
