/** How a file offers what it makes: named function declarations, documented, from one front door. */
import ts from 'typescript';
import type { SourceFile } from '../repository.ts';
import {
  exportedVariables,
  fileRule,
  hasModifier,
  isExported,
  isProduct,
  nodesOf,
  type Rule,
} from './rule.ts';

const TAGS = new Set(['shape', 'units', 'effects', 'errors', 'source']);

/** Configuration whose tools demand a default export, and the types of JavaScript that has one. */
const DEFAULT_EXPORTS = /\.config\.ts$|\.d\.ts$/;

const documented = fileRule({
  name: 'exported functions of kernel, platform and domains have a docstring',
  appliesTo: (path) => isProduct(path) && /^src\/(?:kernel|platform|domains)\//.test(path),
  findIn: (file) =>
    exportedFunctions(file)
      .filter((node) => docTextOf(file, node) === '')
      .map((node) => ({ at: node, says: `${node.name?.text} is exported without a docstring` })),
  planted: [
    { 'src/kernel/a.ts': 'export function add() {}' },
    { 'src/platform/a.ts': '// not a docstring\nexport function add() {}' },
    { 'src/domains/kyc/a.ts': '/** */\nexport async function add() {}' },
    { 'src/kernel/a.ts': '/** A header of the file. */\n\nimport b from "b";\nexport function add() {}' },
  ],
  clean: [
    { 'src/kernel/a.ts': '/** Adds. */\nexport function add() {}\nfunction own() {}' },
    { 'src/kernel/a.ts': '/** Adds. */\nexport function add(a: 1): 1;\nexport function add(a: 2): 2 {}' },
    { 'src/kernel/a.test.ts': 'export function add() {}' },
  ],
});

const knownTags = fileRule({
  name: 'docstrings use the five tags of the house',
  appliesTo: isProduct,
  findIn: (file) =>
    tagsOf(file)
      .filter(({ tag }) => !TAGS.has(tag))
      .map(({ tag, at }) => ({ at, says: `@${tag} is not one of ${[...TAGS].join(', ')}` })),
  planted: [
    { 'src/kernel/a.ts': '/** Adds.\n * @param a one\n */\nexport function add(a: 1) {}' },
    { 'src/kernel/a.ts': '/** Adds.\n * @returns it\n */\nfunction add(a: 1) {}' },
  ],
  clean: [{ 'src/kernel/a.ts': '/** Adds to @hono/zod.\n * @units bps\n */\nexport function add() {}' }],
});

const declared = fileRule({
  name: 'exported functions are declarations',
  appliesTo: (path) => isProduct(path),
  findIn: (file) =>
    exportedVariables(file)
      .filter(({ initializer }) => initializer !== undefined && isFunctionValue(initializer))
      .map((node) => ({
        at: node,
        says: `${node.name.getText(file.tree)} should be a function declaration`,
      })),
  planted: [
    { 'src/kernel/a.ts': 'export const add = (a: number) => a;' },
    { 'src/kernel/a.ts': 'export const add = function () {};' },
  ],
  clean: [{ 'src/kernel/a.ts': 'const add = () => 1; export const total = add();' }],
});

const named = fileRule({
  name: 'exports are named',
  appliesTo: (path) => !DEFAULT_EXPORTS.test(path),
  findIn: (file) =>
    file.tree.statements
      .filter((node) => ts.isExportAssignment(node) || hasModifier(node, ts.SyntaxKind.DefaultKeyword))
      .map((node) => ({ at: node, says: 'a default export has a different name in every file' })),
  planted: [
    { 'src/kernel/a.ts': 'export default 1;' },
    { 'src/kernel/a.ts': 'export default function add() {}' },
  ],
  clean: [{ 'drizzle.config.ts': 'export default {};', 'src/kernel/a.ts': 'export const a = 1;' }],
});

const oneFrontDoor = fileRule({
  name: "no file re-exports but a domain's index.ts",
  appliesTo: (path) => path.startsWith('src/') && !/^src\/domains\/[^/]+\/index\.ts$/.test(path),
  findIn: (file) =>
    nodesOf(file, ts.isExportDeclaration)
      .filter((node) => node.moduleSpecifier !== undefined)
      .map((node) => ({ at: node, says: 'import it from where it is made' })),
  planted: [
    { 'src/platform/db/index.ts': "export * from './client.ts';" },
    { 'src/domains/kyc/api.ts': "export { level } from './schema.ts';" },
  ],
  clean: [{ 'src/domains/kyc/index.ts': "export { level } from './schema.ts';" }],
});

export const exportRules: readonly Rule[] = [documented, knownTags, declared, named, oneFrontDoor];

/** Overloads count once: the first one carries the docstring. */
function exportedFunctions(file: SourceFile): ts.FunctionDeclaration[] {
  const seen = new Set<string>();
  return file.tree.statements
    .filter((node) => ts.isFunctionDeclaration(node))
    .filter((node) => {
      const name = node.name?.text ?? '';
      const isFirst = !seen.has(name);
      seen.add(name);
      return isFirst && isExported(node);
    });
}

function docTextOf(file: SourceFile, node: ts.Node): string {
  return ts
    .getJSDocCommentsAndTags(node)
    .filter((doc) => ts.isJSDoc(doc))
    .map((doc) => doc.getText(file.tree).replace(/[/*\s]/g, ''))
    .join('');
}

function tagsOf(file: SourceFile): { tag: string; at: number }[] {
  const comments = file.text.matchAll(/^[ \t]*\/\*\*[\s\S]*?\*\//gm);
  return [...comments].flatMap((comment) =>
    [...comment[0].matchAll(/^[ \t]*\/?\*+[ \t]*@([a-z]\w*)(?![\w/-])/gim)].map((tag) => ({
      tag: tag[1] ?? '',
      at: comment.index + tag.index + 1,
    })),
  );
}

function isFunctionValue(node: ts.Expression): boolean {
  return ts.isArrowFunction(node) || ts.isFunctionExpression(node);
}
