import type { PersonalData } from '../../platform/domain.ts';
import {
  alertsKeptSince,
  personalAlertItems,
  personalAlertSteps,
  personalAlerts,
} from './alerts/personal-data.ts';
import { personalScreenings } from './screening/personal-data.ts';

/** What screening holds on a person: nothing of it is ever shown to them (no tipping off). */
export const personalAml: PersonalData = {
  name: 'aml',
  recordClass: 'supervision',
  tables: ['screenings', 'aml_alerts'],
  restricted: true,
  sections: {
    screenings: personalScreenings,
    alerts: personalAlerts,
    alertItems: personalAlertItems,
    alertSteps: personalAlertSteps,
  },
  keptSince: alertsKeptSince,
};
