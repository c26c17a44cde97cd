import { sql } from 'drizzle-orm';
import type { Check } from '../../../platform/domain.ts';
import { look } from '../../../platform/look.ts';

/** What reconcile holds reviews of customers to. */
export const customerReviewChecks: readonly Check[] = [
  {
    name: 'kyc.reviews_and_restrictions_agree',
    invariant: 'I8',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from kyc_reviews`,
        sql`
        select 'review ' || v.id as object, 'restricts as ' || v.escalated_to || ' and nothing stands for it' as detail
        from kyc_reviews v
        where v.status = 'open' and v.escalated_to is not null and not exists (
          select from gate_restrictions r
          where r.user_id = v.user_id and r.reference_id = v.id and r.lifted_at is null
            and r.restriction::text = v.escalated_to)
        union all
        select 'review ' || v.id, 'has ended and still restricts'
        from kyc_reviews v join gate_restrictions r on r.reference_id = v.id and r.lifted_at is null
        where v.status = 'done'`,
      ),
  },
];
