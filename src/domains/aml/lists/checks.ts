import { sql } from 'drizzle-orm';
import type { Check } from '../../../platform/domain.ts';
import { look } from '../../../platform/look.ts';

/** What reconcile holds the lists to. */
export const listChecks: readonly Check[] = [
  {
    name: 'aml.active_versions_are_whole',
    invariant: 'I4',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from screening_lists`,
        sql`
        select 'list ' || l.id as object, 'its active version is ' || coalesce(v.status::text, 'not its own')
            || ' and holds ' || held.entities || ' of ' || coalesce(v.entity_count, 0) || ' entries' as detail
          from screening_lists l
          left join list_versions v on v.id = l.active_version_id and v.list_id = l.id
          cross join lateral (
            select count(*)::int as entities from list_version_entities e where e.version_id = l.active_version_id
          ) held
          where l.active_version_id is not null
            and (v.status is distinct from 'active' or v.entity_count <> held.entities)`,
      ),
  },
];
