import { z } from '@hono/zod-openapi';
import type { Json } from '../../kernel/canonical-json.ts';
import { idInput, wireId, wireInstant } from '../../platform/http/wire.ts';
import { Me } from './api.ts';
import { PURPOSES } from './purposes.ts';
import { MAX_REVEALED, REVEAL_FIELDS } from './reveal-users.ts';

const MAX_AGREEMENT_LENGTH = 100_000;

/** One line in the words of who acts; it is kept for good, so it names no person. */
const reason = z
  .string()
  .trim()
  .min(3)
  .max(500)
  .regex(/^\P{Cc}*$/u, 'must be one line of text')
  .openapi({ description: 'Kept in the audit log for good: name no person in it.' });

const purpose = z.enum(PURPOSES);

export const Reveal = z
  .strictObject({
    userIds: z.array(idInput).min(1).max(MAX_REVEALED),
    purpose,
    reason,
    fields: z.array(z.enum(REVEAL_FIELDS)).min(1).max(REVEAL_FIELDS.length).optional(),
  })
  .openapi('RevealUsers');

const shown = Object.fromEntries(REVEAL_FIELDS.map((field) => [field, true])) as {
  readonly [Field in (typeof REVEAL_FIELDS)[number]]: true;
};

export const RevealedUser = Me.pick(shown)
  .partial()
  .extend({ id: wireId, erased: z.boolean() })
  .openapi('RevealedUser');

export const RevealedUserList = z.object({ data: z.array(RevealedUser) }).openapi('RevealedUserList');

export const exportQuery = z.strictObject({ purpose: purpose.optional(), reason: reason.optional() });

export const DataExport = z
  .object({
    format: z.literal('plimsoll-data-export/1'),
    userId: wireId,
    exportedAt: wireInstant,
    restricted: z.array(z.string()).optional().openapi({
      description:
        'In an export that staff made: the members of `data` that must not reach the person (no tipping off).',
    }),
    data: z
      .record(z.string(), z.record(z.string(), z.array(z.unknown())))
      .openapi({ description: 'By domain and kind of record.' }),
    complete: z.literal(true).openapi({ description: 'The last member; without it the export broke off.' }),
  })
  .openapi('DataExport');

export const settingName = z
  .string()
  .regex(/^[a-z][a-z0-9_.-]{0,63}$/, 'must be of letters, digits, dots, dashes and underscores')
  .openapi({ example: 'theme' });

export const PutSetting = z
  .strictObject({
    value: z
      .unknown()
      .transform((value) => value as Json)
      .openapi({ description: 'Any JSON value.' }),
  })
  .openapi('PutSetting');

const setting = { name: z.string(), updatedAt: wireInstant };

export const Setting = z.object({ ...setting, value: z.unknown() }).openapi('Setting');

export const SettingList = z.object({ data: z.array(z.object(setting)) }).openapi('SettingList');

export const PublishAgreement = z
  .strictObject({
    kind: z
      .string()
      .regex(/^[a-z][a-z0-9_]{1,39}$/, 'must be of lower-case letters, digits and underscores')
      .openapi({ example: 'terms_of_business' }),
    title: z
      .string()
      .trim()
      .min(3)
      .max(200)
      .regex(/^\P{Cc}*$/u, 'must be one line of text'),
    // PostgreSQL keeps no NUL in text.
    body: z
      .string()
      .trim()
      .min(1)
      .max(MAX_AGREEMENT_LENGTH)
      .regex(/^[^\0]*$/u, 'must be text'),
    reason,
  })
  .openapi('PublishAgreement');
