/**
 * Where money can be sent. A destination is personal data: it exists in memory and as ciphertext
 * only. Its keyed hash is what approvals and payouts compare, so that nobody can swap the payee in
 * between without the keyring (I10).
 */
import { canonicalJson } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import type { Chain } from './crypto-address.ts';

/** Wallets and rails a phone number is paid through. */
export const MOBILE_METHODS = ['mcb_juice', 'my_t_money', 'blink', 'mips', 'mobile_money'] as const;

/** Those of Mauritius, which reach Mauritian mobile numbers and no others. */
const MAURITIAN_METHODS: readonly string[] = ['mcb_juice', 'my_t_money', 'blink', 'mips'];

const MAURITIAN_MOBILE = /^\+2305\d{7}$/;

/** Whether a method can reach a number in E.164 form. */
export function reachesPhone(method: (typeof MOBILE_METHODS)[number], phone: string): boolean {
  return !MAURITIAN_METHODS.includes(method) || MAURITIAN_MOBILE.test(phone);
}

export type Destination =
  | {
      readonly kind: 'bank';
      readonly holderName: string;
      /** Electronic form, without spaces. */
      readonly iban: string;
      readonly bic: string;
    }
  | {
      readonly kind: 'crypto_wallet';
      readonly holderName: string;
      readonly chain: Chain;
      readonly address: string;
    }
  | {
      readonly kind: 'mobile_money';
      readonly holderName: string;
      readonly method: (typeof MOBILE_METHODS)[number];
      /** E.164. */
      readonly phone: string;
    };

const HINT_LENGTH = 4;

/** Binds a withdrawal to every member of its destination. */
export function destinationHash(keyring: Keyring, destination: Destination): Uint8Array {
  return keyring.blindIndex('withdrawal.destination', canonicalJson(destination));
}

/** The same for two beneficiaries that would be paid at one place, whatever the holder is called. */
export function destinationIndex(keyring: Keyring, destination: Destination): Uint8Array {
  return placeIndex(keyring, destination.kind, placeOfPayment(destination));
}

/** The same for a place that money came from. */
export function placeIndex(keyring: Keyring, kind: Destination['kind'], place: string): Uint8Array {
  return keyring.blindIndex('beneficiary.destination', `${kind} ${place}`);
}

/** The last characters, for people to recognise it. */
export function hintOf(destination: Destination): string {
  return placeOfPayment(destination).slice(-HINT_LENGTH);
}

/** Where the sealed columns of a beneficiary live. */
export function beneficiaryPlace(column: 'destination' | 'label', rowId: Id) {
  return { table: 'beneficiaries', column, rowId };
}

/** Where the sealed columns of a withdrawal live. */
export function withdrawalPlace(rowId: Id, column: 'destination' | 'travel_rule' = 'destination') {
  return { table: 'withdrawals', column, rowId };
}

function placeOfPayment(destination: Destination): string {
  switch (destination.kind) {
    case 'bank':
      return destination.iban;
    case 'crypto_wallet':
      return `${destination.chain} ${destination.address}`;
    case 'mobile_money':
      return destination.phone;
  }
}
