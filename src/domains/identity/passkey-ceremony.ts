/**
 * What a browser answers to a passkey ceremony, checked: type, challenge, origin, relying party, user
 * presence and verification, signature. It guarantees that whoever answered holds the private key now;
 * it does not say whose passkey it is, nor whether its counter went back: `usePasskey` does.
 * @source WebAuthn Level 3, sections 7.1 and 7.2
 */
import { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server';
import { decodeAttestationObject } from '@simplewebauthn/server/helpers';
import { eq } from 'drizzle-orm';
import { z } from 'zod';
import type { Id } from '../../kernel/id.ts';
import type { Ctx, Deps } from '../../platform/context.ts';
import { type ChallengeHolder, type ChallengePurpose, spendChallenge } from './passkey-challenges.ts';
import { passkeys } from './schema.ts';

export type Passkey = typeof passkeys.$inferSelect;

/** As `PublicKeyCredential.toJSON()` gives it, to a creation. */
export type RegistrationAnswer = {
  readonly id: string;
  readonly rawId: string;
  readonly type: 'public-key';
  readonly response: {
    readonly clientDataJSON: string;
    readonly attestationObject: string;
    readonly transports?: readonly string[] | undefined;
  };
};

/** As `PublicKeyCredential.toJSON()` gives it, to a request. */
export type AssertionAnswer = {
  readonly id: string;
  readonly rawId: string;
  readonly type: 'public-key';
  readonly response: {
    readonly clientDataJSON: string;
    readonly authenticatorData: string;
    readonly signature: string;
    readonly userHandle?: string | null | undefined;
  };
};

/** A passkey that answered its challenge. */
export type Assertion = {
  readonly proved: true;
  readonly passkeyId: Id;
  readonly userId: Id;
  readonly signCount: number;
  readonly backedUp: boolean;
};

/** An answer that proves nothing, and whom it was meant to be from, where that is known. */
export type NoAssertion = { readonly proved: false; readonly userId: Id | undefined };

export type NewCredential = Pick<
  Passkey,
  'credentialId' | 'publicKey' | 'signCount' | 'transports' | 'deviceType' | 'backedUp'
>;

/** EdDSA, ES256 and RS256, in COSE's numbers: what platforms and security keys make. */
export const ALGORITHMS = [-8, -7, -257];
const TRANSPORTS = new Set(['ble', 'cable', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb']);

const clientData = z.object({
  challenge: z.string(),
  origin: z.string(),
  crossOrigin: z.boolean().optional(),
});

/** Whom passkeys are made for: the host name of the public address. */
export function relyingParty(deps: Deps): { readonly id: string; readonly name: string } {
  return { id: new URL(deps.publicUrl).hostname, name: deps.firmName };
}

/** The bytes a passkey keeps of its owner: the user's id, which says nothing about them. */
export function userHandleOf(userId: Id): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(userId.replaceAll('-', ''));
}

/**
 * Checks the answer to a creation; undefined where anything is not as it should be.
 * @effects its challenge is spent
 */
export async function readRegistration(
  ctx: Ctx,
  answer: RegistrationAnswer,
  holder: ChallengeHolder,
): Promise<NewCredential | undefined> {
  const expected = await expectations(ctx, answer.response.clientDataJSON, 'register', holder);
  if (expected === undefined) {
    return undefined;
  }
  try {
    if (!isPlainAttestation(answer.response.attestationObject)) {
      return undefined;
    }
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response: {
        ...answer,
        response: { ...answer.response, transports: [] },
        clientExtensionResults: {},
      },
      expectedChallenge: expected.challenge,
      expectedOrigin: expected.origin,
      expectedRPID: relyingParty(ctx.deps).id,
      requireUserVerification: true,
      supportedAlgorithmIDs: ALGORITHMS,
    });
    // The id that was sent must be the one the authenticator vouches for.
    if (!verified || registrationInfo.credential.id !== answer.id) {
      return undefined;
    }
    return {
      credentialId: bytesOf(registrationInfo.credential.id),
      publicKey: registrationInfo.credential.publicKey,
      signCount: registrationInfo.credential.counter,
      transports: (answer.response.transports ?? []).filter((transport) => TRANSPORTS.has(transport)),
      deviceType: registrationInfo.credentialDeviceType,
      backedUp: registrationInfo.credentialBackedUp,
    };
  } catch {
    // The library tells every fault by throwing; which one it was is nobody's business.
    return undefined;
  }
}

/**
 * Checks the answer to a request.
 * @effects its challenge is spent
 */
export async function readAssertion(
  ctx: Ctx,
  answer: AssertionAnswer,
  purpose: Exclude<ChallengePurpose, 'register'>,
): Promise<Assertion | NoAssertion> {
  const expected = await expectations(ctx, answer.response.clientDataJSON, purpose);
  const [passkey] = await ctx.deps.db.engine
    .select()
    .from(passkeys)
    .where(eq(passkeys.credentialId, bytesOf(answer.id)));
  if (expected === undefined || passkey === undefined) {
    return { proved: false, userId: passkey?.userId };
  }
  const assertion = await verifyAssertion(ctx, answer, passkey, expected).catch(() => undefined);
  return assertion ?? { proved: false, userId: passkey.userId };
}

async function verifyAssertion(
  ctx: Ctx,
  answer: AssertionAnswer,
  passkey: Passkey,
  expected: Expectations,
): Promise<Assertion | undefined> {
  const { userHandle, ...signed } = answer.response;
  const handle = Buffer.from(userHandleOf(passkey.userId)).toString('base64url');
  if (userHandle != null && userHandle !== handle) {
    return undefined;
  }
  const { verified, authenticationInfo } = await verifyAuthenticationResponse({
    response: { ...answer, response: signed, clientExtensionResults: {} },
    expectedChallenge: expected.challenge,
    expectedOrigin: expected.origin,
    expectedRPID: relyingParty(ctx.deps).id,
    // The counter is compared under a lock, once the signature over it has been checked.
    credential: { id: answer.id, publicKey: new Uint8Array(passkey.publicKey), counter: 0 },
    requireUserVerification: true,
  });
  // Whether it may be copied to other devices is settled when a passkey is made.
  if (!verified || authenticationInfo.credentialDeviceType !== passkey.deviceType) {
    return undefined;
  }
  return {
    proved: true,
    passkeyId: passkey.id,
    userId: passkey.userId,
    signCount: authenticationInfo.newCounter,
    backedUp: authenticationInfo.credentialBackedUp,
  };
}

type Expectations = { readonly challenge: string; readonly origin: string };

/** Spends the challenge; undefined where it was none of ours, or the page was not one of ours. */
async function expectations(
  ctx: Ctx,
  clientDataJson: string,
  purpose: ChallengePurpose,
  holder?: ChallengeHolder,
): Promise<Expectations | undefined> {
  const said = clientDataOf(clientDataJson);
  const spent = said !== undefined && (await spendChallenge(ctx, said.challenge, purpose, holder));
  if (!spent || said.crossOrigin === true) {
    return undefined;
  }
  return isOwnOrigin(ctx.deps, said.origin) ? { challenge: said.challenge, origin: said.origin } : undefined;
}

function clientDataOf(clientDataJson: string): z.infer<typeof clientData> | undefined {
  try {
    return clientData.parse(JSON.parse(Buffer.from(clientDataJson, 'base64url').toString('utf8')));
  } catch {
    return undefined;
  }
}

/** In the sandbox every port of this machine counts, since a front end in development has one of its own. */
function isOwnOrigin(deps: Deps, origin: string): boolean {
  const own = new URL(deps.publicUrl);
  const local = deps.mode === 'sandbox' && own.hostname === 'localhost';
  return origin === own.origin || (local && /^http:\/\/localhost(?::\d{1,5})?$/.test(origin));
}

/**
 * None was asked for, and a certificate in one would make the library fetch the lists of revoked ones
 * from wherever it says.
 */
function isPlainAttestation(attestationObject: string): boolean {
  const decoded = decodeAttestationObject(new Uint8Array(bytesOf(attestationObject)));
  const self = decoded.get('fmt') === 'packed' && decoded.get('attStmt').get('x5c') === undefined;
  return decoded.get('fmt') === 'none' || self;
}

function bytesOf(base64url: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64url, 'base64url'));
}
