import type { Consumer } from '../../../platform/outbox/consumer.ts';
import { endAnswered } from './close-review.ts';

/** Ends the reviews that an approval answers. */
export const endAnsweredReviews: Consumer = {
  name: 'kyc.end_answered_reviews',
  types: ['kyc.application_decided'],
  handle: async (ctx, { userId, data }) => {
    if (userId !== null && data.status === 'approved') {
      await endAnswered(ctx, userId);
    }
  },
};
