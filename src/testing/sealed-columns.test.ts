/**
 * Every sealed column: that it is on the list, that its values open in their own place under their owner's
 * key and nowhere else, and that they go on opening on every node while keys are followed by others.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { Glob } from 'bun';
import { sql } from 'drizzle-orm';
import { NEW_APPLICATION_EXAMPLE } from '../domains/kyc/api.ts';
import { createApplication, uploadDocument } from '../domains/kyc/index.ts';
import { allDomains } from '../domains.ts';
import type { Id } from '../kernel/id.ts';
import {
  activateHouseKey,
  openInstallationKeys,
  publishHouseKey,
  refreshInstallationKeys,
} from '../platform/crypto/installation-keys.ts';
import { countToReseal, resealable, resealColumn } from '../platform/crypto/reseal.ts';
import { activatePersonKeys, publishPersonKeys } from '../platform/crypto/rotate-person-keys.ts';
import { type DataKey, openWith, type Place, SealError } from '../platform/crypto/seal.ts';
import { placeIn, type SealedColumn } from '../platform/crypto/sealed-columns.ts';
import { openClient } from '../platform/db/client.ts';
import type { Ciphertext } from '../platform/db/columns.ts';
import { transact } from '../platform/db/transact.ts';
import { allDrivers } from './drivers/all-drivers.ts';
import { done } from './drivers/driver.ts';
import { BITCOIN_BENEFICIARY, OWN_WALLET } from './funding-desk.ts';
import { passportZone } from './mrz.ts';
import { startNode } from './second-node.ts';
import { PIXEL, startWorld, type World } from './world.ts';

/** What root keys wrap; rewrap-keys.ts knows them. */
const WRAPPED = [
  'installation_keys.wrapped_key',
  'person_key_versions.wrapped_key',
  'person_keys.wrapped_key',
  'token_keys.private_jwk',
];

/** Operations that leave a value in each sealed column. */
const FILL = [
  'createBeneficiary',
  'createWithdrawal',
  'createKycApplication',
  'uploadKycDocument',
  'addKycParty',
  'makeKycDeclaration',
  'decideKycItem',
  'listKycProviderSessions',
  'importBankStatement',
  'receivePaymentEvent',
  'importCustodyReport',
  'acceptAgreement',
  'putSetting',
  'getScreening',
  'listVendorResults',
  'listMonitoringVendorResults',
  'resolveAmlAlert',
  'commentAmlAlert',
  'addAmlCaseEvent',
  'uploadAmlCaseFile',
  'decideAmlReport',
  'updateMe',
  'createPriceAlert',
  'createWatchlist',
  'createLegalHold',
];

type Stored = {
  readonly values: readonly string[];
  readonly sealed: Ciphertext;
  readonly person: Id | null;
  /** Who takes the person's place where there is none. */
  readonly other: Id | null;
};

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
  for (const name of FILL) {
    await allDrivers[name]?.(world);
  }
  await paperAndCoins();
}, 120_000);

afterAll(async () => {
  const report = await world.reconcile();
  await world.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

/** A passport with a number, coins that leave with travel rule data, and a name that is on a list. */
async function paperAndCoins(): Promise<void> {
  const as = await world.newCustomer({ BTC: '1' }, { name: ['Ada', 'Coinholder'] });
  const draft = await createApplication(as.ctx, { ...NEW_APPLICATION_EXAMPLE, level: 'enhanced' } as never);
  const file = new File([PIXEL], 'scan.png', { type: 'image/png' });
  const mrz = passportZone({
    surname: 'COINHOLDER',
    given: 'ADA',
    number: 'ZQ7788991',
    birth: '900412',
    expiry: '320415',
  });
  await uploadDocument(as.ctx, draft.id, { type: 'passport', file, number: 'ZQ7788991', mrz });
  const { id: beneficiaryId } = await done(
    world.call('createBeneficiary', { as, body: { ...BITCOIN_BENEFICIARY, holderName: 'Ada Coinholder' } }),
  );
  const body = { accountId: as.accountId, asset: 'BTC', amount: '0.5', beneficiaryId, ...OWN_WALLET };
  await done(world.call('createWithdrawal', { as, body }));
}

async function stored(column: SealedColumn, limit = 50): Promise<readonly Stored[]> {
  const values = Object.keys(column.rowId).map((name) => sql`t.${sql.identifier(name)}::text`);
  const [person, other] = [column.person, column.orPerson].map((name) => sql.raw(name ?? 'null::uuid'));
  const rows = await world.deps.db.engine.execute<Stored>(sql`
    select array[${sql.join(values, sql`, `)}] as values, ${sql.identifier(column.column)} as sealed,
      ${person} as person, ${other} as other
    from ${sql.identifier(column.table)} t where ${sql.identifier(column.column)} is not null limit ${limit}`);
  return rows.map((row) => ({ ...row, sealed: new Uint8Array(row.sealed) as Ciphertext }));
}

async function keyOf(node: World['deps'], { person, other }: Stored): Promise<DataKey | undefined> {
  const owner = person ?? other;
  const key =
    owner === null
      ? undefined
      : await transact({ ...world.system, deps: node }, 'engine', (tx) => node.personKeys.find(tx, owner));
  return person === null ? (key ?? node.keyring.house) : key;
}

function faultOf(key: DataKey, place: Place, sealed: Ciphertext): string {
  try {
    openWith(key, place, sealed);
    return 'opened';
  } catch (error) {
    return error instanceof SealError ? error.message : String(error);
  }
}

/** How many stored values of all columns a node opens; every one of them must. */
async function opensAll(node: World['deps']): Promise<number> {
  let opened = 0;
  for (const column of node.sealedColumns) {
    for (const row of await stored(column)) {
      const key = await keyOf(node, row);
      if (key !== undefined) {
        openWith(key, placeIn(column, row.values), row.sealed);
        opened += 1;
      }
    }
  }
  return opened;
}

describe('the list of sealed columns', () => {
  test('names every column that a schema file calls ciphertext', async () => {
    const found: string[] = [];
    for await (const path of new Glob('src/**/schema.ts').scan('.')) {
      const [, ...tables] = readFileSync(path, 'utf8').split(/pgTable\(\s*/);
      for (const table of tables) {
        const name = /^'([a-z_]+)'/.exec(table)?.[1];
        found.push(
          ...[...table.matchAll(/ciphertext\('([a-z_]+)'\)/g)].map((match) => `${name}.${match[1]}`),
        );
      }
    }
    const listed = world.deps.sealedColumns.map(({ table, column }) => `${table}.${column}`);
    expect(found.length).toBeGreaterThan(20);
    expect([...listed, ...WRAPPED].toSorted()).toEqual(found.toSorted());
  });

  test('calls fixed what the engine may not write again, and nothing else', async () => {
    for (const { table, column, fixed } of world.deps.sealedColumns) {
      const [row] = await world.deps.db.engine.execute<{ may: boolean }>(
        sql`select has_column_privilege(${table}, ${column}, 'UPDATE') as may`,
      );
      expect([table, column, row?.may]).toEqual([table, column, fixed !== true]);
    }
  });
});

describe('a sealed value', () => {
  test('of every column opens in its own place and in no other row, column or table', async () => {
    const empty: string[] = [];
    for (const column of world.deps.sealedColumns) {
      const rows = await stored(column);
      empty.push(...(rows.length === 0 ? [`${column.table}.${column.column}`] : []));
      for (const row of rows) {
        const key = await keyOf(world.deps, row);
        if (key === undefined) {
          continue;
        }
        const place = placeIn(column, row.values);
        const moved = `${column.table}.${column.column}: the ciphertext was altered, moved or truncated`;
        expect(faultOf(key, place, row.sealed)).toBe('opened');
        expect(
          faultOf(key, { ...place, rowId: crypto.getRandomValues(new Uint8Array(8)).toHex() }, row.sealed),
        ).toBe(moved);
        for (const other of [
          { ...place, table: 'elsewhere' },
          { ...place, column: 'elsewhere' },
        ]) {
          expect(faultOf(key, other, row.sealed)).toContain('altered, moved or truncated');
        }
        // Cut off, one bit turned, another key: each says where, and none is garbage.
        expect(faultOf(key, place, row.sealed.slice(0, -1) as Ciphertext)).toBe(moved);
        const turned = row.sealed.slice() as Ciphertext;
        turned[25] = (turned[25] ?? 0) ^ 1;
        expect(faultOf(key, place, turned)).toBe(moved);
        const unknown = row.sealed.slice() as Ciphertext;
        unknown[3] = (unknown[3] ?? 0) ^ 1;
        expect(faultOf(key, place, unknown)).toContain('sealed under a key that is not in the keyring');
      }
    }
    expect(empty).toEqual(['deposits.payer']);
  });

  test('swapped by a superuser between two people is shown for neither, and hides nobody else', async () => {
    const [one, other, bystander] = [
      await world.newCustomer(),
      await world.newCustomer(),
      await world.newCustomer(),
    ];
    const owner = openClient(world.database.owner, 1);
    const swap = () =>
      owner.begin(async (tx) => {
        await tx`alter table users no force row level security`;
        await tx`update users set email = case id when ${one.userId}
        then (select email from users where id = ${other.userId})
        else (select email from users where id = ${one.userId}) end
        where id in (${one.userId}, ${other.userId})`;
        await tx`alter table users force row level security`;
      });
    await swap();
    const as = world.people.compliance_officer;
    const page = await world.call('listUsers', { as, query: { limit: '100' } });
    expect(page.status).toBe(200);
    const shown = new Map<string, string>(
      page.body.data.map((user: { id: string; emailMasked: string }) => [user.id, user.emailMasked]),
    );
    expect([shown.get(one.userId), shown.get(other.userId)]).toEqual(['', '']);
    expect(shown.get(bystander.userId)).toContain('@');
    expect((await world.call('getMe', { as: one })).status).toBe(500);
    expect((await world.call('getMe', { as: bystander })).status).toBe(200);
    await swap();
    await owner.end();
    expect((await world.call('getMe', { as: one })).status).toBe(200);
  });
});

describe('rotation', () => {
  test('leaves nothing unreadable on any node, at any step, and resumes where it was broken off', async () => {
    const { deps } = world;
    const node = startNode(world, allDomains);
    const before = await opensAll(node.deps);
    expect(before).toBeGreaterThan(50);
    const erased = { house: deps.keyring.house.id };
    await openInstallationKeys(deps);
    await publishHouseKey(world.system);
    await publishPersonKeys(world.system, 'everybody', () => {});
    // Published twice, nothing more happens.
    expect(await publishPersonKeys(world.system, 'everybody', () => {})).toBe(0);
    await refreshInstallationKeys(node.deps);
    node.deps.personKeys.forgetAll();
    expect(await opensAll(node.deps)).toBeGreaterThanOrEqual(before);
    await activateHouseKey(world.system, 0);
    const people = await activatePersonKeys(world.system, 'everybody', 0, () => {});
    expect(people).toBeGreaterThan(10);
    expect(deps.keyring.house.id).not.toEqual(erased.house);
    for (const column of resealable(deps.sealedColumns)) {
      // The other node still seals and opens with what it read before the keys changed.
      const { unreadable } = await resealColumn(world.system, column, () => {});
      expect([column.table, column.column, unreadable]).toEqual([column.table, column.column, 0]);
      expect(await countToReseal(world.system, column)).toBe(0);
      for (const row of await stored(column)) {
        const key = await keyOf(node.deps, row);
        expect(key === undefined ? 'opened' : faultOf(key, placeIn(column, row.values), row.sealed)).toBe(
          'opened',
        );
      }
    }
    expect(await opensAll(deps)).toBeGreaterThanOrEqual(before);
    await node.close();
  }, 60_000);

  test('a person who is erased loses every version of their key', async () => {
    const customer = await world.newCustomer();
    await publishPersonKeys(world.system, customer.userId, () => {});
    const own = sql`select count(*)::int as count from person_key_versions where user_id = ${customer.userId}`;
    const [kept] = await world.deps.db.engine.execute<{ count: number }>(own);
    expect(kept?.count).toBe(1);
    await world.deps.db.engine
      .transaction(async (tx) => {
        await tx.execute(sql`delete from person_keys where user_id = ${customer.userId}`);
        const [gone] = await tx.execute<{ count: number }>(own);
        expect(gone?.count).toBe(0);
        tx.rollback();
      })
      .catch(() => {});
    expect.assertions(2);
  });
});
