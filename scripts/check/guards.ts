/** The table of guards. Each takes a repository's folder and says what is wrong there; nothing if it holds. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { boundaryFaults } from './boundaries.ts';
import { pinFaults } from './pins.ts';
import { type Repository, readRepository } from './repository.ts';
import { citationRules } from './tidy/citations.ts';
import { tidyFaults, tidyRules } from './tidy/rules.ts';
import { isInstalled, runScript, runTool, type ToolRun } from './tool.ts';

export type Guard = { readonly name: string; readonly find: (root: string) => Promise<string[]> };

const BIOME = '@biomejs/biome/bin/biome';
const KNIP = 'knip/bin/knip.js';
const OXLINT = 'oxlint/bin/oxlint';
const TYPESCRIPT_6 = 'typescript/bin/tsc';
const TYPESCRIPT_7 = 'typescript7/bin/tsc';

const codeRules = tidyRules.filter((rule) => !citationRules.includes(rule));
const repositories = new Map<string, Repository>();

export const guards: readonly Guard[] = [
  { name: 'format', find: (root) => toolFaults(root, BIOME, ['check', '--error-on-warnings', '.']) },
  { name: 'types', find: typeFaults },
  { name: 'lint', find: lintFaults },
  { name: 'boundaries', find: boundaryFaults },
  { name: 'unused', find: (root) => toolFaults(root, KNIP, ['--no-progress', '--no-config-hints']) },
  { name: 'openapi', find: openapiFaults },
  { name: 'tidy', find: async (root) => tidyFaults(repositoryAt(root), codeRules) },
  { name: 'docs', find: async (root) => tidyFaults(repositoryAt(root), citationRules) },
  { name: 'pins', find: async (root) => pinFaults(repositoryAt(root)) },
];

/** TypeScript 7 is several times faster; where its native compiler is not installed, 6 says the same. */
async function typeFaults(root: string): Promise<string[]> {
  const hasSeven =
    isInstalled(TYPESCRIPT_7) && (await runTool(TYPESCRIPT_7, ['--version'], root)).exitCode === 0;
  const compiler = hasSeven ? TYPESCRIPT_7 : TYPESCRIPT_6;
  return toolFaults(root, compiler, ['--noEmit', '--pretty', 'false', '--project', 'tsconfig.json']);
}

function lintFaults(root: string): Promise<string[]> {
  const strict = ['--type-aware', '--deny-warnings', '--report-unused-disable-directives'];
  return toolFaults(root, OXLINT, [...strict, '--format', 'unix', '.']);
}

async function openapiFaults(root: string): Promise<string[]> {
  const script = join(root, 'scripts', 'openapi.ts');
  if (!existsSync(script)) {
    return ['scripts/openapi.ts is missing: nothing compares docs/openapi.json with the routes'];
  }
  return faultsOf(script, await runScript(script, ['--check'], root));
}

async function toolFaults(root: string, file: string, args: readonly string[]): Promise<string[]> {
  return faultsOf(file, await runTool(file, args, root));
}

function faultsOf(name: string, run: ToolRun): string[] {
  if (run.exitCode === 0) {
    return [];
  }
  const said = [run.stdout, run.stderr].map((text) => text.trim()).filter((text) => text !== '');
  return said.length > 0 ? said : [`${name} failed with exit code ${run.exitCode} and said nothing`];
}

/** Read and parsed once for the three guards that look at it. */
function repositoryAt(root: string): Repository {
  const repository = repositories.get(root) ?? readRepository(root);
  repositories.set(root, repository);
  return repository;
}
