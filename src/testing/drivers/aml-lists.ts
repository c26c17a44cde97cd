import { importList } from '../../domains/aml/index.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { Answer } from '../send.ts';
import type { World } from '../world.ts';
import { type Drivers, done, REASON } from './driver.ts';
import { asks, type StaffWrites } from './staff-write.ts';

const HEADER = 'id,kind,name,aliases,birth_dates,countries,gender,programs,remarks';

export const amlListDrivers: Drivers = {
  listScreeningLists: (world) => world.call('listScreeningLists', { as: world.people.mlro }),
  createScreeningList: (world) => newList(world),
  importScreeningList: async (world) => {
    const { id } = await done(newList(world));
    return upload(world, id, 1);
  },
  changeScreeningList: async (world) => {
    const { id } = await done(newList(world));
    return change(world, id);
  },
  fetchScreeningList: async (world) => {
    const { id } = await done(newList(world));
    const { approval } = await done(change(world, id));
    const vote = { params: { id: approval.id }, body: REASON };
    await done(world.call('approveApproval', { as: world.people.mlro, ...vote }));
    return world.call('fetchScreeningList', { as: world.people.compliance_officer, params: { id } });
  },
  listScreeningListVersions: async (world) => {
    const { id } = await done(newList(world));
    await done(upload(world, id, 1));
    return world.call('listScreeningListVersions', { as: world.people.mlro, params: { id } });
  },
  listScreeningListFetches: async (world) => {
    const { id } = await done(newList(world));
    return world.call('listScreeningListFetches', { as: world.people.mlro, params: { id } });
  },
  listScreeningListChanges: async (world) => {
    const { id: listId } = await done(newList(world));
    const { id } = await done(upload(world, listId, 1));
    return world.call('listScreeningListChanges', { as: world.people.mlro, params: { id } });
  },
  overrideListVersion: async (world) => {
    const { id: listId } = await done(newList(world));
    await done(upload(world, listId, 10));
    // Refused, and kept: the step that is driven asks for it after all.
    const file = Buffer.from(fileOf(1));
    await importList(world.system, listId as Id, { file }).catch(() => undefined);
    const as = world.people.compliance_officer;
    const { data } = await done(world.call('listScreeningListVersions', { as, params: { id: listId } }));
    return world.call('overrideListVersion', { as, params: { id: data[0].id }, body: REASON });
  },
};

export const amlListWrites: StaffWrites = {
  createScreeningList: { kind: 'evidence', leaves: ['screening_list.created'], onOneself: null },
  importScreeningList: { kind: 'case', leaves: ['list_version.activated'], onOneself: null },
  changeScreeningList: asks(null),
  fetchScreeningList: { kind: 'evidence', leaves: ['screening_list.fetch_requested'], onOneself: null },
  overrideListVersion: asks(null),
};

function newList(world: World): Promise<Answer> {
  const body = { kind: 'own', name: `List ${newId()}` };
  return world.call('createScreeningList', { as: world.people.compliance_officer, body });
}

/** A file of so many people nobody is called like. */
function fileOf(count: number): string {
  const rows = Array.from(
    { length: count },
    (_unused, place) => `x-${place},person,Somebody ${newId()} Invented,,1961-02-28,,male,TEST,`,
  );
  return `${[HEADER, ...rows].join('\n')}\n`;
}

function upload(world: World, id: string, count: number): Promise<Answer> {
  const body = new FormData();
  body.set('file', new File([fileOf(count)], 'list.csv', { type: 'text/csv' }));
  return world.call('importScreeningList', { as: world.people.compliance_officer, params: { id }, body });
}

/** An address that answers nobody. */
function change(world: World, id: string): Promise<Answer> {
  const body = { sourceUrls: { file: 'https://lists.example.org/own.csv' } };
  return world.call('changeScreeningList', { as: world.people.compliance_officer, params: { id }, body });
}
