import { present } from '../../../kernel/assert.ts';
import type { Consumer } from '../../../platform/outbox/consumer.ts';
import { screenApplicant } from '../screen.ts';

/** Screens each applicant once the application is in. */
export const screenApplicants: Consumer = {
  name: 'aml.screen_applicants',
  types: ['kyc.application_submitted'],
  handle: async (ctx, event) => {
    await screenApplicant(ctx, present(event.userId, 'an application belongs to a person'));
  },
};
