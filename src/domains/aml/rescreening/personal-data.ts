import type { PersonalData } from '../../../platform/domain.ts';
import { personalRows } from '../../../platform/privacy/personal-rows.ts';
import { rescreeningResults, screeningStandings } from './schema.ts';

/** What a person was held against and when: never shown to them (no tipping off). */
export const personalRescreening: PersonalData = {
  name: 'aml_rescreening',
  recordClass: 'supervision',
  tables: ['rescreening_results', 'screening_standings'],
  restricted: true,
  sections: {
    standing: personalRows(screeningStandings, { keys: ['userId'] }),
    looks: personalRows(rescreeningResults, { keys: ['runId', 'listSet'] }),
  },
};
