import type { ProblemTable } from '../../../kernel/error.ts';

/** Refusals of applications. */
export const APPLICATION_PROBLEMS = {
  application_open: { status: 409, title: 'An application is already open' },
  application_not_editable: { status: 409, title: 'The application can no longer be changed' },
  documents_missing: { status: 422, title: 'Documents that this level needs are missing' },
  application_not_withdrawable: { status: 409, title: 'The application is decided or withdrawn' },
  parties_incomplete: { status: 422, title: 'Not everybody behind the legal person is named' },
  party_unknown: { status: 422, title: 'The owner in between is not among the parties' },
  party_limit_reached: { status: 409, title: 'The application names as many parties as it may' },
  party_has_owners: { status: 409, title: 'Others own through this party' },
  not_a_legal_person: { status: 409, title: 'Only a legal person has parties' },
  requirements_changed: { status: 409, title: 'Another set of requirements came into force meanwhile' },
  declaration_unsuitable: { status: 422, title: 'The form is for another kind of applicant' },
  requirements_invalid: { status: 422, title: 'The set asks for nothing where it has to ask for something' },
  birth_date_implausible: { status: 422, title: 'Nobody can have been born on that date' },
  level_unknown: { status: 422, title: 'The level is not offered' },
} as const satisfies ProblemTable;
