/**
 * What a goAML report is made of: of each type its elements, in the order the format demands, how often each may
 * come, and what it may hold. The writer follows this table and the checker holds what was written against it. What
 * the FIU of a country adds to it stands in its own XSD, which is not ours to ship.
 */

/** What an element without children holds. */
export type Scalar =
  | { readonly kind: 'text'; readonly max: number }
  | { readonly kind: 'code'; readonly pattern: RegExp }
  | { readonly kind: 'integer' }
  | { readonly kind: 'decimal' }
  | { readonly kind: 'instant' }
  | { readonly kind: 'flag' };

type Element = { readonly name: string; readonly of: Scalar | TypeName };

/** One place in the order: one element, or one of several. */
export type Place = {
  readonly oneOf: readonly Element[];
  readonly min: 0 | 1;
  readonly max: number;
};

export type TypeName =
  | 'report'
  | 'transaction'
  | 'from_my_client'
  | 'from'
  | 'to_my_client'
  | 'to'
  | 'person_my_client'
  | 'person'
  | 'reporting_person'
  | 'account_my_client'
  | 'account'
  | 'entity_my_client'
  | 'entity'
  | 'signatory'
  | 'foreign_currency'
  | 'address'
  | 'addresses'
  | 'phone'
  | 'phones'
  | 'identification'
  | 'activity'
  | 'report_parties'
  | 'report_party'
  | 'indicators';

/** As many transactions as one report may tell of. */
export const MAX_TRANSACTIONS = 10_000;

const MANY = 1_000;

const text = (max: number): Scalar => ({ kind: 'text', max });
const code: Scalar = { kind: 'code', pattern: /^[A-Za-z0-9_-]{1,40}$/ };
const country: Scalar = { kind: 'code', pattern: /^[A-Z]{2}$/ };
const currency: Scalar = { kind: 'code', pattern: /^[A-Z0-9]{3,10}$/ };
const instant: Scalar = { kind: 'instant' };
const decimal: Scalar = { kind: 'decimal' };
const flag: Scalar = { kind: 'flag' };

const one = (name: string, of: Element['of']): Place => ({ oneOf: [{ name, of }], min: 1, max: 1 });
const maybe = (name: string, of: Element['of']): Place => ({ oneOf: [{ name, of }], min: 0, max: 1 });
const some = (name: string, of: Element['of'], max = MANY): Place => ({ oneOf: [{ name, of }], min: 1, max });
const any = (name: string, of: Element['of']): Place => ({ oneOf: [{ name, of }], min: 0, max: MANY });
const either = (...oneOf: readonly Element[]): Place => ({ oneOf, min: 1, max: 1 });

const NAMES: readonly Place[] = [
  maybe('gender', { kind: 'code', pattern: /^[MFO]$/ }),
  maybe('title', text(30)),
  one('first_name', text(100)),
  maybe('middle_name', text(100)),
  maybe('prefix', text(100)),
  one('last_name', text(100)),
];

const ACCOUNT_HEAD: readonly Place[] = [
  either({ name: 'institution_code', of: text(50) }, { name: 'swift', of: text(11) }),
  maybe('non_bank_institution', flag),
];

/** @source goAML schema 5.0.2, the order of its elements; docs/howto/goaml.md says what is not confirmed */
export const GOAML: Readonly<Record<TypeName, readonly Place[]>> = {
  report: [
    one('rentity_id', { kind: 'integer' }),
    maybe('rentity_branch', text(255)),
    one('submission_code', { kind: 'code', pattern: /^[EM]$/ }),
    one('report_code', { kind: 'code', pattern: /^(STR|SAR)$/ }),
    one('entity_reference', text(255)),
    maybe('fiu_ref_number', text(255)),
    one('submission_date', instant),
    one('currency_code_local', { kind: 'code', pattern: /^[A-Z]{3}$/ }),
    one('reporting_person', 'reporting_person'),
    maybe('location', 'address'),
    maybe('reason', text(4000)),
    maybe('action', text(4000)),
    {
      oneOf: [
        { name: 'transaction', of: 'transaction' },
        { name: 'activity', of: 'activity' },
      ],
      min: 1,
      max: MAX_TRANSACTIONS,
    },
    one('report_indicators', 'indicators'),
  ],
  transaction: [
    one('transactionnumber', text(50)),
    maybe('internal_ref_number', text(50)),
    maybe('transaction_location', text(255)),
    maybe('transaction_description', text(4000)),
    one('date_transaction', instant),
    maybe('date_posting', instant),
    one('transmode_code', code),
    maybe('transmode_comment', text(50)),
    one('amount_local', decimal),
    either({ name: 't_from_my_client', of: 'from_my_client' }, { name: 't_from', of: 'from' }),
    either({ name: 't_to_my_client', of: 'to_my_client' }, { name: 't_to', of: 'to' }),
    maybe('comments', text(4000)),
  ],
  from_my_client: endOf('from', '_my_client'),
  from: endOf('from', ''),
  to_my_client: endOf('to', '_my_client'),
  to: endOf('to', ''),
  foreign_currency: [
    one('foreign_currency_code', currency),
    one('foreign_amount', decimal),
    one('foreign_exchange_rate', decimal),
  ],
  person_my_client: [
    ...NAMES,
    one('birthdate', instant),
    maybe('birth_place', text(255)),
    one('nationality1', country),
    one('residence', country),
    maybe('phones', 'phones'),
    one('addresses', 'addresses'),
    maybe('email', text(255)),
    one('occupation', text(255)),
    any('identification', 'identification'),
    maybe('tax_reg_number', text(100)),
    maybe('source_of_wealth', text(255)),
    maybe('comments', text(4000)),
  ],
  person: [
    ...NAMES,
    maybe('birthdate', instant),
    maybe('nationality1', country),
    maybe('residence', country),
    maybe('phones', 'phones'),
    maybe('addresses', 'addresses'),
    any('identification', 'identification'),
    maybe('comments', text(4000)),
  ],
  reporting_person: [...NAMES, maybe('email', text(255)), maybe('occupation', text(255))],
  account_my_client: [
    one('institution_name', text(255)),
    ...ACCOUNT_HEAD,
    one('branch', text(255)),
    one('account', text(50)),
    one('currency_code', currency),
    maybe('account_name', text(255)),
    maybe('client_number', text(50)),
    one('personal_account_type', code),
    maybe('t_entity', 'entity_my_client'),
    some('signatory', 'signatory'),
    one('opened', instant),
    maybe('closed', instant),
    maybe('balance', decimal),
    maybe('date_balance', instant),
    one('status_code', code),
    maybe('comments', text(4000)),
  ],
  account: [
    one('institution_name', text(255)),
    ...ACCOUNT_HEAD,
    maybe('branch', text(255)),
    one('account', text(50)),
    maybe('currency_code', currency),
    maybe('account_name', text(255)),
    maybe('comments', text(4000)),
  ],
  entity_my_client: [
    one('name', text(255)),
    maybe('incorporation_legal_form', text(255)),
    one('incorporation_number', text(50)),
    maybe('business', text(255)),
    maybe('addresses', 'addresses'),
    one('incorporation_country_code', country),
    maybe('comments', text(4000)),
  ],
  entity: [one('name', text(255)), maybe('incorporation_number', text(50)), maybe('comments', text(4000))],
  signatory: [maybe('is_primary', flag), one('t_person', 'person_my_client'), maybe('role', code)],
  address: [
    one('address_type', code),
    one('address', text(100)),
    maybe('town', text(255)),
    one('city', text(255)),
    maybe('zip', text(10)),
    one('country_code', country),
    maybe('state', text(255)),
  ],
  addresses: [some('address', 'address')],
  phone: [one('tph_contact_type', code), one('tph_communication_type', code), one('tph_number', text(50))],
  phones: [some('phone', 'phone')],
  identification: [one('type', code), one('number', text(255)), one('issue_country', country)],
  activity: [one('report_parties', 'report_parties')],
  report_parties: [some('report_party', 'report_party')],
  report_party: [
    either(
      { name: 'person', of: 'person_my_client' },
      { name: 'account', of: 'account_my_client' },
      { name: 'entity', of: 'entity_my_client' },
    ),
    maybe('reason', text(4000)),
    maybe('comments', text(4000)),
  ],
  indicators: [some('indicator', code)],
};

/** One end of a transaction, of the firm's own client or of somebody else: the same elements, under its own names. */
function endOf(way: 'from' | 'to', client: '' | '_my_client'): readonly Place[] {
  return [
    one(`${way}_funds_code`, code),
    maybe(`${way}_funds_comment`, text(255)),
    maybe(`${way}_foreign_currency`, 'foreign_currency'),
    either(
      { name: `${way}_account`, of: `account${client}` },
      { name: `${way}_person`, of: `person${client}` },
      { name: `${way}_entity`, of: `entity${client}` },
    ),
    one(`${way}_country`, country),
  ];
}
