import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ComplianceDesk, startComplianceDesk } from '../../testing/compliance-desk.ts';
import { publishedListsDirectory } from './testing/published-lists.ts';

const folder = publishedListsDirectory(process.env.PLIMSOLL_SHARED_DIR);
const there = existsSync(join(folder, 'ofac'));
if (!there) {
  console.log(`official-lists: SKIPPED the official OFAC and UN files: ${folder} is not there`);
}

describe.if(there)('the official files', () => {
  let desk: ComplianceDesk;

  beforeAll(async () => {
    desk = await startComplianceDesk(import.meta.file);
  });

  afterAll(async () => {
    expect(await desk.breaks()).toEqual([]);
    await desk.close();
  });

  async function newList(kind: string): Promise<string> {
    const { body } = await desk.call(desk.officer, 'POST', '/v1/aml/lists', { kind, name: kind });
    return `/v1/aml/lists/${body.id}/import`;
  }

  function send(path: string, parts: Readonly<Record<string, string>>) {
    const form = new FormData();
    for (const [part, file] of Object.entries(parts)) {
      form.set(part, new File([new Uint8Array(readFileSync(join(folder, file)))], file));
    }
    return desk.call(desk.officer, 'POST', path, form);
  }

  const SDN = {
    primary: 'ofac/sdn_2021-07.csv',
    aliases: 'ofac/alt_2021-07.csv',
    addresses: 'ofac/add_2021-07.csv',
  };
  const CONSOLIDATED = {
    primary: 'ofac/cons_prim_2025-12.csv',
    aliases: 'ofac/cons_alt_2025-12.csv',
    addresses: 'ofac/cons_add_2025-12.csv',
  };

  test('of OFAC and UN are imported whole, in time, and screen at once', async () => {
    const begun = performance.now();
    const sdnPath = await newList('ofac_sdn');
    const ofac = await send(sdnPath, SDN);
    const un = await send(await newList('un_consolidated'), { file: 'un/UN_consolidated_2026-02-27.xml' });
    const seconds = (performance.now() - begun) / 1000;
    expect(ofac).toMatchObject({ status: 201, body: { entityCount: 8976, status: 'active' } });
    expect(un).toMatchObject({ status: 201, body: { entityCount: 1003, status: 'active' } });
    // Twenty seconds is the promise on a machine of its own; here others may be at work.
    expect(seconds).toBeLessThan(60);

    const subject = { name: 'Ayman al-Zawahiri' };
    const screened = await desk.call(desk.officer, 'POST', '/v1/aml/screenings', { subject });
    const kinds = screened.body.matches.map((match: { listKind: string }) => match.listKind);
    expect(screened.body.result).toBe('alert');
    expect(kinds).toContain('ofac_sdn');

    // The consolidated list has the same format: sent to the wrong place it would replace the SDN list.
    const mixedUp = await send(sdnPath, CONSOLIDATED);
    expect(mixedUp).toMatchObject({ status: 422, body: { code: 'list_shrunk' } });
    expect(await send(sdnPath, SDN)).toMatchObject({ status: 409, body: { code: 'list_unchanged' } });
  }, 90_000);
});
