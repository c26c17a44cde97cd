/** Finds what a document cites and the repository does not hold: paths, links and `bun run` scripts. */
import { posix } from 'node:path';
import { holds, type Repository } from './repository.ts';

const CITED_PATH =
  /(?<![\w./@-])(?:\.\/)?((?:src|docs|scripts|migrations|\.ci)\/[\w@.*{},/<>…[\]-]*|[\w.-]+\.(?:md|cjs|config\.ts)(?![\w/.-])|(?:package|tsconfig|biome|knip)\.json|bun\.lock|bunfig\.toml|\.env\.example|LICENSE)/g;
const CITED_SCRIPT = /\bbun run ((?:[a-z][\w:-]*)(?:\\?\|[a-z][\w:-]*)*)(?![\w./-])/g;
const LINK = /!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\s*\[[^\]]+\]:\s+(\S+)/gm;
const OUTSIDE = /^(?:[a-z][a-z+.-]*:|#)/i;

/** One line per citation that leads nowhere, over every Markdown file. */
export function missingCitations(repository: Repository): string[] {
  const scripts = scriptNames(repository);
  return repository.paths
    .filter((path) => path.endsWith('.md'))
    .flatMap((path) => faultsOf(path, repository.read(path), repository, scripts));
}

function faultsOf(
  path: string,
  text: string,
  repository: Repository,
  scripts: ReadonlySet<string>,
): string[] {
  const faults = new Set<string>();
  for (const code of codeOf(text)) {
    for (const [, cited = ''] of code.matchAll(CITED_PATH)) {
      if (!isThere(repository, path, cited)) {
        faults.add(`${path}: cites ${cited}, which is not there`);
      }
    }
    for (const [, names = ''] of code.matchAll(CITED_SCRIPT)) {
      for (const name of names.split(/\\?\|/).filter((each) => !scripts.has(each))) {
        faults.add(`${path}: cites \`bun run ${name}\`, which package.json does not have`);
      }
    }
  }
  for (const [, inline, reference] of withoutCode(text).matchAll(LINK)) {
    const target = inline ?? reference ?? '';
    if (!OUTSIDE.test(target) && !leadsToFile(repository, path, target)) {
      faults.add(`${path}: links to ${target}, which is not there`);
    }
  }
  return [...faults];
}

/** Inline code and fenced blocks: the places where a path is meant literally. */
function codeOf(text: string): string[] {
  const fences = [...text.matchAll(/^(`{3,}|~{3,})[^\n]*\n([\s\S]*?)^\1/gm)].map((match) => match[2] ?? '');
  const spans = [...withoutFences(text).matchAll(/(`+)([^`][\s\S]*?)\1/g)].map((match) => match[2] ?? '');
  return [...fences, ...spans];
}

function withoutFences(text: string): string {
  return text.replace(/^(`{3,}|~{3,})[^\n]*\n[\s\S]*?^\1[^\n]*/gm, '');
}

/** Links keep their text: `[`name`](path)` is still a link once its code is gone. */
function withoutCode(text: string): string {
  return withoutFences(text).replace(/`+[^`\n]*`+/g, 'code');
}

function isThere(repository: Repository, document: string, cited: string): boolean {
  const path = cited.replace(/[.,]+$/, '').replace(/\/+$/, '');
  const placeholder = path.search(/[<>…[\]]|\{(?![\w.-]+,)/);
  if (placeholder >= 0) {
    return holds(repository, path.slice(0, placeholder).replace(/\/?[^/]*$/, ''));
  }
  if (/[*{]/.test(path)) {
    const glob = new Bun.Glob(path);
    return repository.paths.some((known) => glob.match(known));
  }
  const isBareName = !path.includes('/');
  return holds(repository, path) || (isBareName && isBareNameThere(repository, document, path));
}

/** A bare file name is meant at the root, beside the document, or in each domain (`README.md`). */
function isBareNameThere(repository: Repository, document: string, name: string): boolean {
  const beside = posix.join(posix.dirname(document), name);
  return holds(repository, beside) || repository.paths.some((known) => known.endsWith(`/${name}`));
}

function leadsToFile(repository: Repository, document: string, target: string): boolean {
  const bare = decodeURIComponent(target.replace(/[#?].*$/, ''));
  const path = bare.startsWith('/')
    ? bare.slice(1)
    : posix.normalize(posix.join(posix.dirname(document), bare));
  return holds(repository, path === '.' || path === './' ? '' : path);
}

function scriptNames(repository: Repository): Set<string> {
  if (!repository.paths.includes('package.json')) {
    return new Set();
  }
  const manifest = JSON.parse(repository.read('package.json')) as { scripts?: Record<string, string> };
  return new Set(Object.keys(manifest.scripts ?? {}));
}
