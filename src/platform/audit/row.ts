/**
 * How an audit row becomes a leaf. The public part is made from the stored columns alone, so that
 * anyone who has the row can recompute its hash; the personal part is sealed with its salt inside.
 */
import type { InferInsertModel, InferSelectModel } from 'drizzle-orm';
import type { Json } from '../../kernel/canonical-json.ts';
import type { Client } from '../context.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { columnOpener, type DataKey, openText, sealText } from '../crypto/seal.ts';
import type { auditLogs } from '../db/schema.ts';
import { toBase64 } from './base64.ts';
import { partHash, rowLeafHash, SALT_BYTES } from './leaf.ts';
import { rowMac } from './row-mac.ts';

/** A UUID as text. */
const ID_BYTES = 36;

export type AuditRow = InferSelectModel<typeof auditLogs>;
export type NewAuditRow = InferInsertModel<typeof auditLogs>;

/** The columns a row starts from; salts, hashes and the sealed part are added by `completeRow`. */
export type AuditRowDraft = Omit<NewAuditRow, 'txid' | 'salt' | 'personal' | 'personalHash' | 'rowMac'>;

type PublicColumns = Omit<AuditRowDraft, 'before' | 'after' | 'actorUserId' | 'subjectUserId'> & {
  readonly before?: unknown;
  readonly after?: unknown;
  readonly actorUserId?: string | null | undefined;
  readonly subjectUserId?: string | null | undefined;
};

/** @units IP and user agent as the request had them; the location only where a trusted proxy gave one */
export type PersonalPart = Client;

type SealedPersonal = { readonly salt: string; readonly part: PersonalPart };

/** Salts, seals and MACs a row. */
export function completeRow(
  draft: AuditRowDraft,
  personal: PersonalPart,
  personKey: DataKey,
  keyring: Keyring,
): NewAuditRow {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const personalSalt = crypto.getRandomValues(scratchSalt);
  const personalHash = partHash(personalSalt, personal);
  const leafHash = rowLeafHash({ publicHash: partHash(salt, publicPart(draft)), personalHash });
  const sealed: SealedPersonal = { salt: toBase64(personalSalt), part: personal };
  return {
    ...draft,
    salt,
    personal: sealText(personKey, placeOf(draft.id), JSON.stringify(sealed)),
    personalHash,
    rowMac: rowMac(keyring.rowMacKey, { rowId: draft.id, leafHash }),
  };
}

/** Hashed and sealed at once, never kept. */
const scratchSalt = new Uint8Array(SALT_BYTES);

/** The part of a row anyone with access may see, in the form its leaf commits to. */
export function publicPart(row: PublicColumns): { readonly [key: string]: Json } {
  // In the order of canonical JSON, which then has nothing to sort.
  return {
    actorId: row.actorId,
    actorKind: row.actorKind,
    actorUserId: row.actorUserId ?? null,
    after: (row.after ?? null) as Json,
    before: (row.before ?? null) as Json,
    category: row.category,
    class: row.class,
    description: row.description,
    eventType: row.eventType,
    id: row.id,
    outcome: row.outcome,
    recordedAt: row.recordedAt,
    requestId: row.requestId,
    resourceId: row.resourceId,
    resourceType: row.resourceType,
    severity: row.severity,
    subjectUserId: row.subjectUserId ?? null,
  };
}

/** The columns of a stored row that its leaf and its code are made of. */
export type LeafSource = PublicColumns & Pick<AuditRow, 'salt' | 'personalHash' | 'rowMac'>;

/** The RFC 6962 leaf hash of a stored row, recomputed from its columns. */
export function leafHashOfRow(row: LeafSource): Uint8Array {
  return rowLeafHash({ publicHash: partHash(row.salt, publicPart(row)), personalHash: row.personalHash });
}

/**
 * Opens the personal part with its salt, so that it can be shown to match the leaf.
 * @errors SealError when the ciphertext was altered or its key destroyed
 */
export function openPersonal(
  key: DataKey,
  row: Pick<AuditRow, 'id' | 'personal'>,
): { readonly salt: Uint8Array; readonly part: PersonalPart } {
  const { salt, part } = JSON.parse(openText(key, placeOf(row.id), row.personal)) as SealedPersonal;
  return { salt: new Uint8Array(Buffer.from(salt, 'base64')), part };
}

/**
 * Opens the personal parts of many rows as the JSON they were sealed as.
 * @shape takes a row's id as text; gives UTF-8 of an object of `salt` (base64) and `part`
 * @errors SealError when the ciphertext was altered or its key destroyed
 */
export function personalOpener(): ReturnType<typeof columnOpener> {
  const { table, column } = placeOf('');
  return columnOpener(table, column, ID_BYTES);
}

function placeOf(rowId: string) {
  return { table: 'audit_logs', column: 'personal', rowId };
}
