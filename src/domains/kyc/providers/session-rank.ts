import type { SessionStatus } from './kyc-provider.ts';

const RANKS: Readonly<Record<SessionStatus, number>> = {
  not_started: 0,
  in_progress: 1,
  awaiting_user: 1,
  in_review: 1,
  resubmitted: 1,
  unknown: 1,
  abandoned: 2,
  expired: 2,
  approved: 3,
  declined: 4,
};

/**
 * Whether a session may go from one state to another: what was decided is never taken back by what comes late,
 * but the provider may still think worse of somebody.
 */
export function mayBecome(from: SessionStatus, to: SessionStatus): boolean {
  return RANKS[to] >= RANKS[from];
}

/** Whether the provider has nothing more to say. */
export function isFinal(status: SessionStatus): boolean {
  return status === 'approved' || status === 'declined';
}

/** Whether its applicant can still go on with it. */
export function isOver(status: SessionStatus): boolean {
  return RANKS[status] >= RANKS.abandoned;
}
