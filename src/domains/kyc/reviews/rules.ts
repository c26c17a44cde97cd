/**
 * When a review reminds and when it restricts. Pure: times come in, a stage goes out. A clock that jumps skips the
 * stages in between: nobody gets three mails at once.
 */
import { addMs, type Instant, parseInstant } from '../../../kernel/time.ts';
import type { Escalation } from './escalate-review.ts';
import type { ReviewKind } from './open-review.ts';

const DAY_MS = 86_400_000;

/** How long before its time a review opens. @units days */
const OPENS_DAYS = 60;
/** @units days before a review is due, the first reminder first */
const REMINDER_DAYS = [30, 7, 0] as const;
/** How long after its time a review lets nothing but sales through. @units days */
const REDUCE_DAYS = 30;
/** Since when nobody was seen who counts as dormant. @units days */
const DORMANT_DAYS = 365;

/** Until when a date may lie for its review to open now. */
export function openingHorizon(now: Instant): Instant {
  return addMs(now, OPENS_DAYS * DAY_MS);
}

/**
 * When a review of the whole person that opens now is due. Everybody has the same time and is written to at the same
 * distance: where what was learnt of them brought it forward, no mail and no restriction follows on the heels of that.
 */
export function periodicDue(nextReviewAt: Instant, now: Instant): Instant {
  return later(nextReviewAt, openingHorizon(now));
}

/**
 * When a document that is good until the end of a day has to be renewed: nobody hears of it with less than thirty
 * days left.
 * @units expiresOn YYYY-MM-DD
 */
export function expiryDue(expiresOn: string, now: Instant): Instant {
  return later(parseInstant(`${expiresOn}T23:59:59.999999Z`), addMs(now, REMINDER_DAYS[0] * DAY_MS));
}

/** Which reminder is due; 0 for none yet. */
export function reminderStage(dueAt: Instant, now: Instant): number {
  return REMINDER_DAYS.filter((days) => addMs(dueAt, -days * DAY_MS) <= now).length;
}

/** How a review that is still open restricts; null before it is overdue. */
export function escalationOf(dueAt: Instant, now: Instant): Escalation | null {
  if (now < dueAt) {
    return null;
  }
  return addMs(dueAt, REDUCE_DAYS * DAY_MS) <= now ? 'reduce_only' : 'no_out';
}

/** Whom the firm writes to of a review: never of one that comes from what was learnt of them elsewhere. */
export function noticeOf(kind: string): 'document_expiring' | 'details_to_confirm' | null {
  const notices: Partial<Record<ReviewKind, 'document_expiring' | 'details_to_confirm'>> = {
    document_expiry: 'document_expiring',
    periodic: 'details_to_confirm',
  };
  return notices[kind as ReviewKind] ?? null;
}

/** Whoever was seen last before this is dormant. */
export function dormantBefore(now: Instant): Instant {
  return addMs(now, -DORMANT_DAYS * DAY_MS);
}

/** Whoever was seen last before this is reminded that they fall dormant. */
export function remindedBefore(now: Instant): Instant {
  return addMs(now, (REMINDER_DAYS[0] - DORMANT_DAYS) * DAY_MS);
}

/** Which reminder is due of an account that falls dormant, counted from when its holder was seen; 0 for none yet. */
export function dormancyStage(seenAt: Instant, now: Instant): number {
  return reminderStage(addMs(seenAt, DORMANT_DAYS * DAY_MS), now);
}

function later(one: Instant, other: Instant): Instant {
  return one > other ? one : other;
}
