import { beforeEach, describe, expect, test } from 'bun:test';
import { type Id, newId } from '../../kernel/id.ts';
import { type BriefCache, briefCache } from './brief-cache.ts';

type Row = { readonly owner: Id; readonly revision: number };

const OWNER = newId();
/** Longer than anything is believed without proof. */
const LONGER_MS = 950;

let listener: { readonly stretch: () => number; readonly proven: () => boolean };
let stretch: number;
let proven: boolean;
let revision: number;
let reads: number;
let cache: BriefCache<Row>;
let gate: Promise<void>;

beforeEach(() => {
  [stretch, proven, revision, reads, gate] = [1, true, 1, 0, Promise.resolve()];
  listener = { stretch: () => stretch, proven: () => proven };
  cache = briefCache<Row>({
    listener,
    load: async () => {
      reads += 1;
      const row = { owner: OWNER, revision };
      await gate;
      return row;
    },
    ownerOf: (row) => row.owner,
  });
});

describe('what a node believes', () => {
  test('is read once for as long as it is proven that nothing went unheard', async () => {
    const id = newId();
    await cache.get(id);
    await Bun.sleep(LONGER_MS);
    expect(cache.peek(id)).toEqual({ owner: OWNER, revision: 1 });
    expect((await cache.get(id))?.revision).toBe(1);
    expect(reads).toBe(1);
  });

  test.each([
    [
      'nothing is proven',
      () => {
        proven = false;
      },
    ],
    [
      'the listener was deaf in between',
      () => {
        stretch = 2;
      },
    ],
  ])('is read afresh within a second where %s', async (_why, happens) => {
    const id = newId();
    await cache.get(id);
    revision = 2;
    happens();
    await Bun.sleep(LONGER_MS);
    expect(cache.peek(id)).toBeUndefined();
    expect((await cache.get(id))?.revision).toBe(2);
  });

  test('is not kept where a notice came while it was read', async () => {
    const id = newId();
    let letThrough = () => {};
    gate = new Promise((resolve) => {
      letThrough = resolve;
    });
    const first = cache.get(id);
    revision = 2;
    cache.forget(id);
    letThrough();
    expect((await first)?.revision).toBe(1);
    expect(cache.peek(id)).toBeUndefined();
    expect((await cache.get(id))?.revision).toBe(2);
  });

  test('is forgotten with its owner, also where whose it is was still being read', async () => {
    const [known, under, other] = [newId(), newId(), newId()];
    await cache.get(known);
    let letThrough = () => {};
    gate = new Promise((resolve) => {
      letThrough = resolve;
    });
    const reading = cache.get(under);
    revision = 2;
    cache.forgetOwner(OWNER);
    letThrough();
    await reading;
    expect([cache.peek(known), cache.peek(under)]).toEqual([undefined, undefined]);
    await cache.get(other);
    cache.forgetOwner(newId());
    expect(cache.peek(other)?.revision).toBe(2);
  });

  test('is not believed for longer where there is nothing, since nothing tells of its making', async () => {
    const id = newId();
    let found: Row | undefined;
    const empty = briefCache<Row>({ listener, load: async () => found, ownerOf: (row) => row.owner });
    expect(await empty.get(id)).toBeUndefined();
    found = { owner: OWNER, revision: 1 };
    await Bun.sleep(LONGER_MS);
    expect(await empty.get(id)).toEqual(found);
  });

  test('is asked again after a read that failed', async () => {
    const id = newId();
    let fails = true;
    const failing = briefCache<Row>({
      listener,
      load: async () => {
        if (fails) {
          throw new RangeError('no database');
        }
        return { owner: OWNER, revision: 1 };
      },
      ownerOf: (row) => row.owner,
    });
    expect(failing.get(id)).rejects.toThrow('no database');
    await failing.get(id).catch(() => {});
    fails = false;
    expect((await failing.get(id))?.revision).toBe(1);
  });

  test('shares one read among those who ask at once', async () => {
    const id = newId();
    await Promise.all([cache.get(id), cache.get(id), cache.get(id)]);
    expect(reads).toBe(1);
  });
});
