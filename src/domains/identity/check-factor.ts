import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import type { SignInMethod } from './open-session.ts';
import type { Assertion, NoAssertion } from './passkey-ceremony.ts';
import { spendRecoveryCode } from './recovery-codes.ts';
import { spendCode } from './totp.ts';
import { usePasskey } from './use-passkey.ts';

/** What somebody shows as their second factor; a passkey's answer was read, and its challenge spent, before. */
export type FactorProof =
  | { readonly kind: 'totp'; readonly code: string }
  | { readonly kind: 'passkey'; readonly assertion: Assertion | NoAssertion }
  | { readonly kind: 'recovery_code'; readonly code: string };

/**
 * Checks and spends a second factor of a user; the caller holds the lock on their sign-in.
 * @effects those of `spendCode`, `usePasskey` or `spendRecoveryCode`
 */
export async function checkFactor(tx: Tx, ctx: Ctx, userId: Id, proof: FactorProof): Promise<boolean> {
  switch (proof.kind) {
    case 'totp':
      return spendCode(tx, ctx, userId, proof.code);
    case 'passkey':
      return usePasskey(tx, ctx, userId, proof.assertion);
    case 'recovery_code':
      return spendRecoveryCode(tx, ctx, userId, proof.code);
  }
}

/** How a session names the factor. */
export function methodOf(proof: FactorProof): SignInMethod {
  return ({ totp: 'otp', passkey: 'hwk', recovery_code: 'recovery' } as const)[proof.kind];
}
