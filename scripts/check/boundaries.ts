/**
 * Runs dependency-cruiser and does not trust its silence: it drops files it has no compiler for without
 * a word, so the modules and imports it saw are compared with what stands on disk.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { modulesUnderSource } from './repository.ts';
import { runTool } from './tool.ts';

type Cruise = {
  readonly modules: readonly { source: string; dependencies: readonly { module: string }[] }[];
  readonly summary: {
    readonly violations: readonly { from: string; to: string; rule: { name: string } }[];
    readonly ruleSetUsed: { readonly forbidden: readonly { name: string; comment?: string }[] };
  };
};

/** Every breach of the import table, and everything the cruise failed to see. */
export async function boundaryFaults(root: string): Promise<string[]> {
  const folders = ['src', 'scripts'].filter((folder) => existsSync(join(root, folder)));
  const run = await runTool(
    'dependency-cruiser/bin/dependency-cruiser.mjs',
    [...folders, '--config', '.dependency-cruiser.cjs', '--output-type', 'json'],
    root,
  );
  if (!run.stdout.startsWith('{')) {
    return [`dependency-cruiser did not run: ${run.stderr.trim() || run.stdout.trim()}`];
  }
  const cruise = JSON.parse(run.stdout) as Cruise;
  return [
    ...unseenModules(cruise, modulesUnderSource(root)),
    ...unseenImports(cruise, root),
    ...breaches(cruise),
  ];
}

/** The files on disk that the cruise did not see, and the other way round. */
export function unseenModules(cruise: Pick<Cruise, 'modules'>, onDisk: readonly string[]): string[] {
  const seen = new Set(cruise.modules.map((module) => module.source).filter(isSourceModule));
  const missed = onDisk.filter((path) => !seen.has(path));
  if (missed.length === 0 && seen.size === onDisk.length) {
    return [];
  }
  const heading = `dependency-cruiser saw ${seen.size} modules under src, on disk are ${onDisk.length}`;
  return [heading, ...missed.map((path) => `not seen: ${path}`)];
}

/** Relative imports that the TypeScript compiler finds in a file and the cruise did not. */
function unseenImports(cruise: Cruise, root: string): string[] {
  return cruise.modules
    .filter((module) => isSourceModule(module.source))
    .flatMap((module) => {
      const seen = new Set(module.dependencies.map((dependency) => dependency.module));
      const text = readFileSync(join(root, module.source), 'utf8');
      return ts
        .preProcessFile(text)
        .importedFiles.map((imported) => imported.fileName)
        .filter((specifier) => specifier.startsWith('.') && !seen.has(specifier))
        .map((specifier) => `dependency-cruiser did not see that ${module.source} imports ${specifier}`);
    });
}

function breaches(cruise: Cruise): string[] {
  const reasons = new Map(
    cruise.summary.ruleSetUsed.forbidden.map((rule) => [rule.name, rule.comment ?? '']),
  );
  return cruise.summary.violations.map(
    ({ from, to, rule }) => `${rule.name}: ${from} -> ${to} (${reasons.get(rule.name) ?? ''})`,
  );
}

function isSourceModule(path: string): boolean {
  return /^src\/.*\.tsx?$/.test(path);
}
