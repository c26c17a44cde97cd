import { z } from '@hono/zod-openapi';
import { iso31661 } from 'iso-3166';
import { ROLES } from '../../kernel/actor.ts';
import { INVISIBLE_REFUSED, isVisible } from '../../kernel/invisible.ts';
import { wireId, wireInstant, wireOf } from '../../platform/http/wire.ts';
import { PasskeyAssertion, recoveryCode } from './passkey-api.ts';
import { isLongEnough, MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH } from './rules.ts';
import { agreements, customerGates, sessions, users } from './schema.ts';

const COUNTRIES = new Set(iso31661.map((country) => country.alpha3));

/** One line of text: a control character is no part of a name, and PostgreSQL refuses NUL. */
export function line(max: number) {
  return z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^\P{Cc}*$/u, 'must be one line of text');
}

const email = z.email('must be an e-mail address').max(254).openapi({ example: 'anjali@example.mu' });
const newPassword = z
  .string()
  .min(MIN_PASSWORD_LENGTH)
  .max(MAX_PASSWORD_LENGTH)
  .refine(isLongEnough, `must have ${MIN_PASSWORD_LENGTH} characters or more`);
const givenPassword = z.string().min(1).max(MAX_PASSWORD_LENGTH);
const code = z
  .string()
  .regex(/^\d{6}$/, 'must be six digits')
  .openapi({ example: '492039' });
const mailedToken = z.string().regex(/^[\w-]{43}$/, 'is not a token of ours');
const country = z
  .string()
  .refine((text) => COUNTRIES.has(text), 'must be an ISO 3166-1 alpha-3 code')
  .openapi({ example: 'MUS' });
const phone = z
  .string()
  .regex(/^\+[1-9]\d{6,14}$/, 'must be an E.164 number')
  .openapi({ example: '+23057123456' });

const Address = z.strictObject({
  street: line(120),
  city: line(80),
  state: line(80).optional(),
  country,
  postalCode: line(16).optional(),
});

const personName = line(80).refine(isVisible, INVISIBLE_REFUSED);

const profile = {
  firstName: personName,
  lastName: personName,
  displayName: personName.optional(),
  birthDate: z.iso.date('must be YYYY-MM-DD').optional(),
  birthPlace: line(80).optional(),
  gender: z.enum(['female', 'male', 'other']).optional(),
  nationality: country.optional(),
  address: Address.optional(),
  occupation: line(80).optional(),
  taxResidence: country.optional(),
};

export const Register = z
  .strictObject({ email, password: newPassword, phone: phone.optional(), ...profile })
  .openapi('Register');

export const MailSent = z
  .object({
    message: z.string(),
    sandbox: z
      .object({ emailToken: z.string() })
      .optional()
      .openapi({ description: 'In the sandbox only; elsewhere the mail holds the token.' }),
  })
  .openapi('MailSent');

export const VerifyEmail = z.strictObject({ token: mailedToken }).openapi('VerifyEmail');

const factor = { totp: code.optional(), passkey: PasskeyAssertion.optional() };

export const Login = z
  .strictObject({ email, password: givenPassword, ...factor })
  .refine((sent) => sent.totp === undefined || sent.passkey === undefined, {
    path: ['passkey'],
    message: 'must not stand beside `totp`',
  })
  .openapi('Login');

export const RecoveryLogin = z
  .strictObject({ email, password: givenPassword, recoveryCode })
  .openapi('RecoveryLogin');

const tokens = {
  accessToken: z.string(),
  expiresIn: z.number().int().openapi({ description: 'Seconds.' }),
  tokenType: z.literal('Bearer'),
};

export const Tokens = z.object({ ...tokens, refreshToken: z.string() }).openapi('Tokens');

const mfaRequired =
  'True: the password is right, but a second factor is needed: send the same again with `totp` or `passkey`, or ' +
  'sign in with a recovery code.';

export const LoginResult = z
  .union([
    z.object({ ...tokens, refreshToken: z.string(), mfaRequired: z.literal(false) }),
    z.object({
      mfaRequired: z.literal(true).openapi({ description: mfaRequired }),
      factors: z
        .array(z.enum(['totp', 'passkey', 'recovery_code']))
        .openapi({ description: 'What the person has enrolled.' }),
    }),
  ])
  .openapi('LoginResult');

export const Refresh = z.strictObject({ refreshToken: z.string().min(1).max(256) }).openapi('Refresh');

export const CodeCheck = z.strictObject({ totp: code }).openapi('CodeCheck');

export const StepUp = z
  .strictObject(factor)
  .refine((sent) => (sent.totp === undefined) !== (sent.passkey === undefined), {
    message: 'must hold either `totp` or `passkey`',
  })
  .openapi('StepUp', { description: 'Either `totp` or `passkey`.' });

export const AccessToken = z.object(tokens).openapi('AccessToken');

export const ForgotPassword = z.strictObject({ email }).openapi('ForgotPassword');

export const ResetPassword = z
  .strictObject({ token: mailedToken, password: newPassword })
  .openapi('ResetPassword');

export const ChangePassword = z
  .strictObject({ currentPassword: givenPassword, newPassword })
  .openapi('ChangePassword');

export const Totp = z
  .object({ enabled: z.boolean(), confirmedAt: z.union([wireInstant, z.null()]) })
  .openapi('Totp');

export const TotpEnrolment = z
  .object({ secret: z.string(), otpauthUri: z.string() })
  .openapi('TotpEnrolment', { description: 'Shown once.' });

const facts = wireOf(users).pick({
  id: true,
  status: true,
  lastLoginAt: true,
  createdAt: true,
  version: true,
}).shape;
const gate = wireOf(customerGates).pick({ kycStatus: true, kycLevel: true, agreementsCurrent: true }).shape;
const roles = z.array(z.enum(ROLES));

export const Me = z
  .object({
    ...facts,
    ...gate,
    ...wireOf(users).pick({ riskProfile: true }).shape,
    ...profile,
    email: z.string(),
    emailVerified: z.boolean(),
    phone: z.union([z.string(), z.null()]),
    roles,
    accountType: z.enum(['market_data_only', 'demo_trader', 'live_trader']),
    secondFactorEnabled: z.boolean(),
  })
  .openapi('Me');

export const UpdateMe = z
  .strictObject({
    ...profile,
    phone,
    riskProfile: z.enum(['conservative', 'moderate', 'aggressive']).openapi({
      description:
        'What you say of the risk you bear. Leverage above 1 suits moderate, up to 5, and aggressive; the firm grants it account by account',
    }),
  })
  .partial()
  .openapi('UpdateMe');

export const Session = wireOf(sessions)
  .pick({
    id: true,
    methods: true,
    loggedInAt: true,
    lastActiveAt: true,
    idleExpiresAt: true,
    absoluteExpiresAt: true,
  })
  .extend({ current: z.boolean(), secondFactor: z.boolean(), ip: z.string(), userAgent: z.string() })
  .openapi('Session');

export const SessionList = z.object({ data: z.array(Session) }).openapi('SessionList');

export const Agreement = wireOf(agreements)
  .pick({ id: true, kind: true, revision: true, title: true, body: true, publishedAt: true })
  .extend({ acceptedAt: z.union([wireInstant, z.null()]) })
  .openapi('Agreement');

export const AgreementList = z.object({ data: z.array(Agreement) }).openapi('AgreementList');

export const User = z
  .object({
    ...facts,
    ...gate,
    initials: z.string(),
    emailMasked: z.string(),
    emailVerified: z.boolean(),
    nationality: z.union([z.string(), z.null()]),
    roles,
  })
  .openapi('User');

export const UserStatus = z
  .object({ id: wireId, status: facts.status, version: facts.version })
  .openapi('UserStatus');

export const userFilters = {
  status: z.enum(users.status.enumValues).optional(),
  email: email.optional(),
};

const reason = line(500).min(3);

export const UserReason = z.strictObject({ reason }).openapi('UserReason');

export const SetUserRoles = z
  .strictObject({ roles: roles.min(1).max(ROLES.length), reason })
  .openapi('SetUserRoles');

export const KeySet = z
  .object({
    keys: z.array(
      z.object({
        kty: z.literal('OKP'),
        crv: z.literal('Ed25519'),
        x: z.string(),
        kid: z.string(),
        alg: z.literal('EdDSA'),
        use: z.literal('sig'),
      }),
    ),
  })
  .openapi('KeySet');
