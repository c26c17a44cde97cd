import { openJson } from '../../../platform/crypto/seal.ts';
import type { PersonalData } from '../../../platform/domain.ts';
import { personalRows } from '../../../platform/privacy/personal-rows.ts';
import type { RiskInputs } from './rate.ts';
import { inputsPlace } from './rate-customer.ts';
import { kycRiskRatings, kycRiskSignals, kycStandings } from './schema.ts';

/** How the firm rates a person, which it tells nobody but those who supervise. */
export const personalRatings: PersonalData = {
  name: 'kyc_risk',
  recordClass: 'kyc_file',
  tables: ['kyc_risk_ratings', 'kyc_risk_signals', 'kyc_standings'],
  restricted: true,
  sections: {
    ratings: personalRows(kycRiskRatings, {
      keys: ['id'],
      more: (rows, { key }) =>
        rows.map(({ id, inputs }) => ({
          inputs: key === undefined ? null : openJson<RiskInputs>(key, inputsPlace(id), inputs),
        })),
    }),
    signals: personalRows(kycRiskSignals, { keys: ['at', 'id'] }),
    standing: personalRows(kycStandings, { keys: ['userId'] }),
  },
};
