/**
 * An authenticator in software, for tests without a browser: makes ES256 passkeys and answers requests as a
 * browser's `toJSON()` would, faithfully or with one thing wrong.
 * @source WebAuthn Level 3, sections 5.8.1, 6.1 and 6.5
 */
import { createHash, createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { isoCBOR } from '@simplewebauthn/server/helpers';
import { present } from '../kernel/assert.ts';

type CreationOptions = {
  readonly challenge: string;
  readonly rp: { readonly id: string };
  readonly user: { readonly id: string };
};

type RequestOptions = { readonly challenge: string; readonly rpId: string };

/** What an answer says otherwise than it should. */
export type Twist = {
  readonly origin?: string;
  readonly rpId?: string;
  readonly challenge?: string;
  readonly type?: string;
  readonly crossOrigin?: boolean;
  readonly userVerified?: boolean;
  readonly userPresent?: boolean;
  readonly counter?: number;
  readonly userHandle?: string | null;
  readonly backupEligible?: boolean;
  readonly credentialId?: string;
  readonly attestation?: 'packed';
  /** Signs with another key. */
  readonly forged?: boolean;
};

export type SoftPasskey = {
  readonly id: string;
  readonly create: (options: CreationOptions, twist?: Twist) => RegistrationJson;
  readonly get: (options: RequestOptions, twist?: Twist) => AssertionJson;
};

type Credential = { readonly id: string; readonly rawId: string; readonly type: 'public-key' };

export type RegistrationJson = Credential & {
  readonly response: {
    readonly clientDataJSON: string;
    readonly attestationObject: string;
    readonly transports: string[];
  };
  readonly clientExtensionResults: object;
};

export type AssertionJson = Credential & {
  readonly response: {
    readonly clientDataJSON: string;
    readonly authenticatorData: string;
    readonly signature: string;
    readonly userHandle: string | null;
  };
  readonly clientExtensionResults: object;
};

const FLAGS = { userPresent: 0x01, userVerified: 0x04, backupEligible: 0x08, attested: 0x40 };

/** A passkey that nobody has registered yet, held by a page of this origin. */
export function softPasskey(pageOrigin = 'http://localhost:8080'): SoftPasskey {
  const id = randomBytes(16);
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  let counter = 0;
  let userHandle: string | null = null;
  const credential = (twist: Twist): Credential => {
    const text = twist.credentialId ?? id.toString('base64url');
    return { id: text, rawId: text, type: 'public-key' };
  };
  return {
    id: id.toString('base64url'),
    create: (options, twist = {}) => {
      userHandle = options.user.id;
      const attested = Buffer.concat([Buffer.alloc(16), lengthOf(id), id, coseKey(publicKey)]);
      const authData = authenticatorData(options.rp.id, counter, twist, attested);
      const attestation = new Map<string, unknown>([
        ['fmt', twist.attestation ?? 'none'],
        ['attStmt', twist.attestation ? new Map([['x5c', [new Uint8Array(8)]]]) : new Map()],
        ['authData', new Uint8Array(authData)],
      ]);
      return {
        ...credential(twist),
        response: {
          clientDataJSON: clientData('webauthn.create', options.challenge, pageOrigin, twist),
          attestationObject: Buffer.from(isoCBOR.encode(attestation as never)).toString('base64url'),
          transports: ['internal'],
        },
        clientExtensionResults: { credProps: { rk: true } },
      };
    },
    get: (options, twist = {}) => {
      counter = twist.counter ?? counter + 1;
      const clientDataJSON = clientData('webauthn.get', options.challenge, pageOrigin, twist);
      const authData = authenticatorData(options.rpId, counter, twist);
      const key = twist.forged ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey : privateKey;
      const signed = Buffer.concat([authData, sha256(Buffer.from(clientDataJSON, 'base64url'))]);
      return {
        ...credential(twist),
        response: {
          clientDataJSON,
          authenticatorData: authData.toString('base64url'),
          signature: createSign('sha256').update(signed).sign(key).toString('base64url'),
          userHandle: twist.userHandle === undefined ? userHandle : twist.userHandle,
        },
        clientExtensionResults: {},
      };
    },
  };
}

function clientData(type: string, challenge: string, origin: string, twist: Twist): string {
  const said = {
    type: twist.type ?? type,
    challenge: twist.challenge ?? challenge,
    origin: twist.origin ?? origin,
    crossOrigin: twist.crossOrigin ?? false,
  };
  return Buffer.from(JSON.stringify(said)).toString('base64url');
}

function authenticatorData(rpId: string, counter: number, twist: Twist, attested?: Buffer): Buffer {
  const flags =
    (twist.userPresent === false ? 0 : FLAGS.userPresent) |
    (twist.userVerified === false ? 0 : FLAGS.userVerified) |
    (twist.backupEligible ? FLAGS.backupEligible : 0) |
    (attested === undefined ? 0 : FLAGS.attested);
  const counted = Buffer.alloc(5);
  counted.writeUInt8(flags, 0);
  counted.writeUInt32BE(counter, 1);
  return Buffer.concat([sha256(Buffer.from(twist.rpId ?? rpId)), counted, attested ?? Buffer.alloc(0)]);
}

/** A P-256 key for ES256. @source RFC 9053 */
function coseKey(publicKey: KeyObject): Buffer {
  const { x, y } = publicKey.export({ format: 'jwk' });
  const coordinate = (text: string | undefined) =>
    new Uint8Array(Buffer.from(present(text, 'an EC key has coordinates'), 'base64url'));
  const key = new Map<number, number | Uint8Array>([
    [1, 2],
    [3, -7],
    [-1, 1],
    [-2, coordinate(x)],
    [-3, coordinate(y)],
  ]);
  return Buffer.from(isoCBOR.encode(key as never));
}

function lengthOf(id: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(id.length);
  return length;
}

function sha256(content: Uint8Array): Buffer {
  return createHash('sha256').update(content).digest();
}
