import { z } from '@hono/zod-openapi';
import { wireOf } from '../../../platform/http/wire.ts';
import { listKind, listPurpose, listVersions, screeningLists } from '../schema.ts';
import { LIST_FORMATS } from './parse-list.ts';
import { listFetches, listVersionChanges } from './schema.ts';

const sourceUrls = z.union([z.record(z.string(), z.string()), z.null()]);

export const ListVersion = wireOf(listVersions)
  .pick({
    id: true,
    listId: true,
    status: true,
    publishedAt: true,
    entityCount: true,
    nameCount: true,
    identifierCount: true,
    unreadableCount: true,
    addedCount: true,
    changedCount: true,
    removedCount: true,
    refusal: true,
    importedBy: true,
    importedAt: true,
    baseVersionId: true,
    heldCount: true,
    source: true,
    parserVersion: true,
    bytes: true,
    approvalId: true,
  })
  .extend({ sourceUrls })
  .openapi('ListVersion');

export const ListVersionChange = wireOf(listVersionChanges)
  .pick({
    versionId: true,
    sourceId: true,
    change: true,
    entityId: true,
    previousEntityId: true,
    screeningChanged: true,
  })
  .openapi('ListVersionChange');

export const ListFetch = wireOf(listFetches)
  .pick({
    id: true,
    listId: true,
    at: true,
    outcome: true,
    detail: true,
    status: true,
    bytes: true,
    versionId: true,
  })
  .openapi('ListFetch');

const listRow = wireOf(screeningLists)
  .pick({
    id: true,
    kind: true,
    name: true,
    createdAt: true,
    purpose: true,
    status: true,
    maxShrinkBps: true,
    minEntities: true,
    fetchMinutes: true,
    staleAfterHours: true,
    nextFetchAt: true,
    lastFetchAt: true,
    lastFetchOutcome: true,
    failedFetches: true,
    confirmedAt: true,
    version: true,
  })
  .extend({ effect: z.enum(['stop', 'review']), format: z.enum(LIST_FORMATS), sourceUrls });

export const ScreeningList = listRow
  .extend({ activeVersion: z.union([ListVersion, z.null()]) })
  .openapi('ScreeningList');

export const NewList = z
  .strictObject({
    kind: z.enum(listKind.enumValues),
    name: z.string().trim().min(1).max(100),
    purpose: z.enum(listPurpose.enumValues).optional(),
    effect: z.enum(['stop', 'review']).optional(),
    format: z.enum(LIST_FORMATS).optional(),
  })
  .openapi('NewScreeningList');

/** Plain http is refused when it is called, except to this machine in the sandbox. */
const address = z.url({ protocol: /^https?$/, error: 'must be an https address' }).max(2_000);

export const ListChange = z
  .strictObject({
    purpose: z.enum(listPurpose.enumValues).optional(),
    effect: z.enum(['stop', 'review']).optional(),
    format: z.enum(LIST_FORMATS).optional(),
    status: z.enum(['active', 'retired']).optional(),
    maxShrinkBps: z.int().min(0).max(10_000).optional(),
    minEntities: z.int().min(1).max(10_000_000).optional(),
    sourceUrls: z.union([z.record(z.string().max(20), address), z.null()]).optional(),
    fetchMinutes: z.union([z.int().min(10).max(10_080), z.null()]).optional(),
    staleAfterHours: z.int().min(1).max(720).optional(),
  })
  .refine((change) => Object.keys(change).length > 0, 'must change something')
  .openapi('ListChange');

export const ListOverride = z
  .strictObject({ reason: z.string().trim().min(1).max(500) })
  .openapi('ListOverride');

const listFile = z.instanceof(File).openapi({ type: 'string', format: 'binary' });

export const ListImport = z
  .strictObject({
    file: listFile.optional(),
    primary: listFile.optional(),
    aliases: listFile.optional(),
    addresses: listFile.optional(),
    subjects: listFile.optional(),
    names: listFile.optional(),
    dobs: listFile.optional(),
  })
  .openapi('ListImport');
