/** The files the guards look at, read from the working tree: they say the same with and without git. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { repositoryRoot } from './tool.ts';

export type SourceFile = { readonly path: string; readonly text: string; readonly tree: ts.SourceFile };

export type Repository = {
  readonly sources: readonly SourceFile[];
  /** Every file that belongs to the project, whatever its kind. */
  readonly paths: readonly string[];
  readonly read: (path: string) => string;
};

const SKIPPED_FOLDERS = new Set(['node_modules', '.data', '.git', 'coverage']);
const SOURCE = /^(?:src|scripts)\/.*\.tsx?$|^[a-z.-]+\.config\.ts$/;
const GENERATED = /^src\/demo\/generated\//;

/** Reads the working tree under a folder, by default the one that holds this script. */
export function readRepository(root: string = repositoryRoot): Repository {
  return repositoryOf(filesUnder(root, ''), (path) => readFileSync(join(root, path), 'utf8'));
}

/** A repository that exists only in memory, for the samples that prove a rule. */
export function plantedRepository(files: Readonly<Record<string, string>>): Repository {
  return repositoryOf(Object.keys(files), (path) => files[path] ?? '');
}

/** Whether a path exists, as a file or as a folder that holds files. */
export function holds(repository: Repository, path: string): boolean {
  const folder = `${path.replace(/\/+$/, '')}/`;
  return path === '' || repository.paths.some((known) => known === path || known.startsWith(folder));
}

/** The paths under src that dependency-cruiser must have seen. */
export function modulesUnderSource(root: string): string[] {
  return filesUnder(root, 'src/').filter((path) => /\.tsx?$/.test(path));
}

function repositoryOf(files: readonly string[], read: (path: string) => string): Repository {
  const paths = [...files].sort();
  const sources = paths
    .filter((path) => SOURCE.test(path) && !GENERATED.test(path))
    .map((path) => parseSource(path, read(path)));
  return { sources, paths, read };
}

function filesUnder(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}${entry.name}`;
    if (!entry.isDirectory()) {
      return entry.isFile() ? [path] : [];
    }
    return SKIPPED_FOLDERS.has(entry.name) ? [] : filesUnder(root, `${path}/`);
  });
}

function parseSource(path: string, text: string): SourceFile {
  const kind = path.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
  return { path, text, tree: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, kind) };
}
