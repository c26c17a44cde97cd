import { openJson } from '../../../platform/crypto/seal.ts';
import type { PersonalData } from '../../../platform/domain.ts';
import { personalRows } from '../../../platform/privacy/personal-rows.ts';
import type { DeclarationInput } from '../api.ts';
import { openDeclared } from '../declared.ts';
import { eraseDocuments, personalDocuments } from '../documents/personal-data.ts';
import { kycApplications } from '../schema.ts';
import { declarationPlace } from '../store.ts';
import type { CompanyInput, PartyDetailsInput } from './company.ts';
import { declarationContentPlace } from './declaration-place.ts';
import { companyPlace, partyPlace } from './parties-of.ts';
import { kycDeclarations, kycItems, kycParties } from './schema.ts';

/** What KYC holds on a person; documents are named, their content is fetched apart. */
export const personalKyc: PersonalData = {
  name: 'kyc',
  recordClass: 'kyc_file',
  tables: ['kyc_applications', 'kyc_documents', 'kyc_items', 'kyc_declarations', 'kyc_parties', 'files'],
  sections: {
    applications: personalRows(kycApplications, {
      keys: ['id'],
      // How the firm goes about its review is not the applicant's to know.
      without: ['assigneeId', 'assignedAt', 'dueAt', 'priority', 'needsSenior', 'isUpgrade'],
      more: (rows, { key }) =>
        rows.map(({ id, declaration, company, handedIn }) => ({
          handedIn: key === undefined ? null : openDeclared(key, { id, handedIn }),
          declaration:
            key === undefined ? null : openJson<DeclarationInput>(key, declarationPlace(id), declaration),
          company:
            key === undefined || company === null
              ? null
              : openJson<CompanyInput>(key, companyPlace(id), company),
        })),
    }),
    items: personalRows(kycItems, { keys: ['id'], without: ['decidedBy'] }),
    declarations: personalRows(kycDeclarations, {
      keys: ['id'],
      more: (rows, { key }) =>
        rows.map(({ id, content }) => ({
          content: key === undefined ? null : openJson<object>(key, declarationContentPlace(id), content),
        })),
    }),
    parties: personalRows(kycParties, {
      keys: ['id'],
      more: (rows, { key }) =>
        rows.map(({ id, details }) => ({
          details: key === undefined ? null : openJson<PartyDetailsInput>(key, partyPlace(id), details),
        })),
    }),
    ...personalDocuments,
  },
  erase: eraseDocuments,
};
