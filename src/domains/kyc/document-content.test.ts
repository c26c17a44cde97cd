import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { eq } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { seal } from '../../platform/crypto/seal.ts';
import { transact } from '../../platform/db/transact.ts';
import { pictureWith } from '../../testing/picture.ts';
import { type Member, startWorld, type World } from '../../testing/world.ts';
import { NEW_APPLICATION_EXAMPLE } from './api.ts';
import { documentFileName, documentPlace } from './document-file.ts';
import { createApplication, uploadDocument } from './index.ts';
import { kycDocuments } from './schema.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
}, 60_000);
afterAll(() => world.close());

type Uploaded = { readonly fileId: Id; readonly path: string; readonly params: { id: Id; docId: Id } };

async function upload(as: Member, content: Buffer): Promise<Uploaded> {
  const draft = await createApplication(as.ctx, NEW_APPLICATION_EXAMPLE as never);
  const file = new File([content], 'scan.png', { type: 'image/png' });
  const document = await uploadDocument(as.ctx, draft.id, { type: 'passport', file });
  const [row] = await world.deps.db.engine
    .select()
    .from(kycDocuments)
    .where(eq(kycDocuments.id, document.id));
  const fileId = row?.fileId as Id;
  return {
    fileId,
    path: await world.deps.files.pathOf(documentFileName(fileId)),
    params: { id: draft.id, docId: document.id },
  };
}

/** A picture larger than a chunk, with words in it that would show in a file that is not sealed. */
function picture(bytes: number): Buffer {
  return Buffer.from(pictureWith('canary in a scan '.repeat(Math.ceil(bytes / 17))));
}

async function download({ params }: Uploaded) {
  const path = `/v1/kyc/applications/${params.id}/documents/${params.docId}`;
  const token = world.people.compliance_officer.token;
  return world.app.request(path, { headers: { authorization: `Bearer ${token}` } });
}

test('a document of many chunks comes back as it was sent, and its file shows nothing of it', async () => {
  const as = await world.newCustomer();
  const content = picture(900_000);
  const uploaded = await upload(as, content);
  expect(readFileSync(uploaded.path).includes('canary')).toBe(false);
  expect(statSync(uploaded.path).size).toBeGreaterThan(content.length);
  const answer = await download(uploaded);
  expect(answer.status).toBe(200);
  expect(Buffer.from(await answer.arrayBuffer()).equals(content)).toBe(true);
});

test('a document of an earlier release, sealed as one piece, is still read', async () => {
  const as = await world.newCustomer();
  const uploaded = await upload(as, picture(10));
  const key = await transact(world.system, 'engine', (tx) => world.deps.personKeys.of(tx, as.userId));
  writeFileSync(uploaded.path, seal(key, documentPlace(uploaded.fileId), picture(70_000)));
  const answer = await download(uploaded);
  expect(Buffer.from(await answer.arrayBuffer()).equals(picture(70_000))).toBe(true);
});

test("another person's file put in its place is refused, and other documents are read on", async () => {
  const [one, other] = [await world.newCustomer(), await world.newCustomer()];
  const mine = await upload(one, picture(10));
  const theirs = await upload(other, picture(20));
  writeFileSync(mine.path, readFileSync(theirs.path));
  expect((await download(mine)).status).toBe(500);
  writeFileSync(mine.path, readFileSync(theirs.path).subarray(0, 30));
  expect((await download(mine)).status).toBe(500);
  expect(Buffer.from(await (await download(theirs)).arrayBuffer()).equals(picture(20))).toBe(true);
});
