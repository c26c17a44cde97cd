/**
 * Where money can be sent. A destination is personal data: it exists in memory and as ciphertext
 * only. Its keyed hash is what approvals and payouts compare, so that nobody can swap the payee in
 * between without the keyring (I10).
 */
import { canonicalJson } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import type { Chain } from './crypto-address.ts';

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
      readonly method: 'mcb_juice' | 'mips' | 'mobile_money';
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
  return keyring.blindIndex('beneficiary.destination', `${destination.kind} ${placeOfPayment(destination)}`);
}

/** The last characters, for people to recognise it. */
export function hintOf(destination: Destination): string {
  return placeOfPayment(destination).slice(-HINT_LENGTH);
}

/** Where the sealed columns of a beneficiary live. */
export function beneficiaryPlace(column: 'destination' | 'label', rowId: Id) {
  return { table: 'beneficiaries', column, rowId };
}

/** Where the sealed column of a withdrawal lives. */
export function withdrawalPlace(rowId: Id) {
  return { table: 'withdrawals', column: 'destination', rowId };
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
