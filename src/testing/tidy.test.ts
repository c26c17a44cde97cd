/**
 * The style of the house as a test, and the proof of every guard: each rule is shown a planted fault it
 * must catch and clean code it must pass. No database, no network.
 */
import { afterAll, describe, expect, test } from 'bun:test';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { boundaryFaults, unseenModules } from '../../scripts/check/boundaries.ts';
import { guards } from '../../scripts/check/guards.ts';
import { pinFaults } from '../../scripts/check/pins.ts';
import { plantedRepository, readRepository } from '../../scripts/check/repository.ts';
import { boundarySamples, cleanBoundaries } from '../../scripts/check/samples/boundary-samples.ts';
import { cleanProject, faultyProject } from '../../scripts/check/samples/guard-samples.ts';
import { lintSamples } from '../../scripts/check/samples/lint-samples.ts';
import { tidyFaults, tidyRules } from '../../scripts/check/tidy/rules.ts';
import { repositoryRoot, runTool } from '../../scripts/check/tool.ts';
import plugin from '../../scripts/oxlint-plugin/index.js';

const TOOLS_TIMEOUT_MS = 60_000;
const CONFIGURATION = [
  '.dependency-cruiser.cjs',
  '.oxlintrc.json',
  '.gitignore',
  'biome.json',
  'tsconfig.json',
];
const planted: string[] = [];

afterAll(() => {
  for (const folder of planted) {
    rmSync(folder, { recursive: true, force: true });
  }
});

describe('tidy rules', () => {
  for (const rule of tidyRules) {
    test(`catches every planted breach of: ${rule.name}`, () => {
      expect(rule.planted.length).toBeGreaterThan(0);
      for (const sample of rule.planted) {
        expect({ sample, faults: rule.find(plantedRepository(sample)).length }).not.toEqual({
          sample,
          faults: 0,
        });
      }
    });

    test(`finds nothing in clean code: ${rule.name}`, () => {
      expect(rule.clean.length).toBeGreaterThan(0);
      for (const sample of rule.clean) {
        expect(rule.find(plantedRepository(sample))).toEqual([]);
      }
    });
  }

  test('the repository keeps every one of them', () => {
    const repository = readRepository();
    expect(repository.sources.length).toBeGreaterThan(0);
    expect(tidyFaults(repository)).toEqual([]);
  });
});

describe('lint rules', () => {
  test('each project rule has a breach planted', () => {
    const rules = new Set(lintSamples.map((sample) => sample.rule));
    expect(Object.keys(plugin.rules).filter((name) => !rules.has(`plimsoll/${name}`))).toEqual([]);
  });

  test(
    'each breach is caught where the rule binds and excused in its home',
    async () => {
      const files = lintSamples.flatMap(({ path, code }, index) => [[numbered(path, index), code] as const]);
      const folder = plant(Object.fromEntries(files));
      const run = await runTool('oxlint/bin/oxlint', ['--type-aware', '--format', 'json', '.'], folder);
      const found = findingsIn(run.stdout);
      const wrong = lintSamples
        .map(({ rule, path, code, caught }, index) => {
          const at = numbered(path, index);
          return { rule, at, code, caught, seen: found.has(`${rule} ${at}`) };
        })
        .filter(({ caught, seen }) => caught !== seen);
      expect(wrong).toEqual([]);
    },
    TOOLS_TIMEOUT_MS,
  );
});

describe('boundaries', () => {
  test('each rule has a breach planted', () => {
    const rules = createRequire(import.meta.url)('../../.dependency-cruiser.cjs').forbidden as {
      name: string;
    }[];
    expect(rules.map((rule) => rule.name).sort()).toEqual(Object.keys(boundarySamples).sort());
  });

  test(
    'each planted breach is caught by its rule',
    async () => {
      const faults = await boundaryFaults(plant(Object.assign({}, ...Object.values(boundarySamples))));
      const missed = Object.entries(boundarySamples)
        .map(([rule, files]) => `${rule}: ${Object.keys(files)[0]} -> `)
        .filter((breach) => !faults.some((fault) => fault.startsWith(breach)));
      expect(missed).toEqual([]);
    },
    TOOLS_TIMEOUT_MS,
  );

  test(
    'finds nothing where every import follows the table',
    async () => {
      expect(await boundaryFaults(plant(cleanBoundaries))).toEqual([]);
    },
    TOOLS_TIMEOUT_MS,
  );

  test('a cruise that saw fewer modules than stand on disk is a fault', () => {
    const cruise = { modules: [{ source: 'src/kernel/a.ts', dependencies: [] }] };
    expect(unseenModules(cruise, ['src/kernel/a.ts'])).toEqual([]);
    expect(unseenModules(cruise, ['src/kernel/a.ts', 'src/kernel/b.ts'])).toEqual([
      'dependency-cruiser saw 1 modules under src, on disk are 2',
      'not seen: src/kernel/b.ts',
    ]);
    expect(unseenModules({ modules: [] }, ['src/kernel/a.ts'])).toHaveLength(2);
  });
});

describe('pins', () => {
  const lock = (dependencies: object, entry: unknown[]): string =>
    JSON.stringify({ workspaces: { '': { dependencies } }, packages: { zod: entry } }, null, 1);
  const sealed = ['zod@4.6.7', '', {}, 'sha512-abc=='];

  test.each([
    ['a range', { zod: '^4.6.7' }, sealed, 'not pinned exactly'],
    ['a tag', { zod: 'latest' }, sealed, 'not pinned exactly'],
    ['a git address', { zod: 'github:colinhacks/zod' }, sealed, 'not pinned exactly'],
    [
      'a resolved address',
      { zod: '4.6.7' },
      ['zod@4.6.7', 'https://example.com/z.tgz', {}, 'sha512-a'],
      'address',
    ],
    ['a registry host', { zod: '4.6.7' }, ['zod@4.6.7', 'registry.example.org', {}, 'sha512-a'], 'address'],
    ['no integrity', { zod: '4.6.7' }, ['zod@4.6.7', '', {}], 'integrity'],
  ])('refuses %s', (_title, dependencies, entry, says) => {
    const files = { 'package.json': JSON.stringify({ dependencies }), 'bun.lock': lock(dependencies, entry) };
    expect(pinFaults(plantedRepository(files)).join('\n')).toContain(says);
  });

  test('refuses a lockfile that is behind the manifest or absent, and accepts one that is neither', () => {
    const manifest = JSON.stringify({ dependencies: { zod: '4.6.7' } });
    const faultsOf = (files: Record<string, string>) => pinFaults(plantedRepository(files)).join('\n');
    const behind = { 'package.json': manifest, 'bun.lock': lock({ zod: '4.6.6' }, sealed) };
    expect(faultsOf(behind)).toContain('does not match');
    expect(faultsOf({ 'package.json': manifest })).toContain('bun.lock is missing');
    expect(faultsOf({ 'package.json': manifest, 'bun.lock': lock({ zod: '4.6.7' }, sealed) })).toBe('');
  });
});

describe('bun run check', () => {
  test(
    'every guard reports the fault planted for it',
    async () => {
      expect(Object.keys(faultyProject.expected).sort()).toEqual(guards.map((guard) => guard.name).sort());
      const folder = plant(faultyProject.files);
      for (const guard of guards) {
        const faults = await guard.find(folder);
        expect({ guard: guard.name, says: faults.join('\n') }).toEqual({
          guard: guard.name,
          says: expect.stringContaining(faultyProject.expected[guard.name] ?? 'nothing expected'),
        });
      }
    },
    TOOLS_TIMEOUT_MS,
  );

  test(
    'no guard complains about a clean project',
    async () => {
      const folder = plant(cleanProject);
      for (const guard of guards) {
        expect({ guard: guard.name, faults: await guard.find(folder) }).toEqual({
          guard: guard.name,
          faults: [],
        });
      }
    },
    TOOLS_TIMEOUT_MS,
  );
});

/** Writes files beside copies of our configuration, in a folder that borrows our packages. */
function plant(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-guards-'));
  planted.push(folder);
  symlinkSync(join(repositoryRoot, 'node_modules'), join(folder, 'node_modules'), 'dir');
  for (const name of CONFIGURATION) {
    writeFileSync(join(folder, name), readFileSync(join(repositoryRoot, name)));
  }
  const lintRules = join('scripts', 'oxlint-plugin');
  cpSync(join(repositoryRoot, lintRules), join(folder, lintRules), { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

/** Gives each sample a file of its own, unless its path is a home that rules know by name. */
function numbered(path: string, index: number): string {
  return path.replace('*', `sample-${index}`);
}

function findingsIn(output: string): Set<string> {
  const { diagnostics } = JSON.parse(output) as { diagnostics: { code: string; filename: string }[] };
  return new Set(diagnostics.map(({ code, filename }) => `${code.replace(/\((.*)\)$/, '/$1')} ${filename}`));
}
