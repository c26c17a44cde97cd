/** Parts of TypeScript and of the runtime that this code does without, and where it may not reach. */
import ts from 'typescript';
import type { SourceFile } from '../repository.ts';
import { fileRule, hasModifier, isProduct, isTest, nodesOf, type Rule } from './rule.ts';

const noEnums = fileRule({
  name: 'no enums, no namespaces',
  appliesTo: () => true,
  findIn: (file) => [
    ...nodesOf(file, ts.isEnumDeclaration).map((node) => ({ at: node, says: 'use a union of literals' })),
    ...nodesOf(file, ts.isModuleDeclaration)
      .filter((node) => !hasModifier(node, ts.SyntaxKind.DeclareKeyword))
      .map((node) => ({ at: node, says: 'a file is a namespace already' })),
  ],
  planted: [{ 'src/kernel/a.ts': 'enum Side { Buy }' }, { 'src/kernel/a.ts': 'namespace Side {}' }],
  clean: [{ 'src/kernel/a.ts': "type Side = 'buy'; declare module 'x' {}" }],
});

const noConsole = fileRule({
  name: 'only scripts, tests and main write to the console',
  appliesTo: (path) => isProduct(path) && path !== 'src/main.ts',
  findIn: (file) =>
    nodesOf(file, ts.isPropertyAccessExpression)
      .filter(({ expression }) => ts.isIdentifier(expression) && expression.text === 'console')
      .map((node) => ({ at: node, says: 'use deps.log' })),
  planted: [{ 'src/platform/a.ts': "console.log('x');" }, { 'src/domains/kyc/a.ts': 'f(console.error);' }],
  clean: [{ 'src/main.ts': "console.log('x');", 'scripts/a.ts': "console.log('x');" }],
});

const noSkippedTests = fileRule({
  name: 'no test is skipped, focused or left to do',
  appliesTo: isTest,
  findIn: (file) =>
    nodesOf(file, ts.isPropertyAccessExpression)
      .filter(({ expression, name }) => isTestFunction(expression) && isSkip(name.text))
      .map((node) => ({
        at: node,
        says: `${node.getText(file.tree)} proves nothing (skipIf may, if it says so)`,
      })),
  planted: [
    { 'src/kernel/a.test.ts': "test.skip('x', f);" },
    { 'src/kernel/a.test.ts': "describe.only('x', f);" },
    { 'src/kernel/a.test.ts': "it.todo('x');" },
  ],
  clean: [{ 'src/kernel/a.test.ts': "test.skipIf(absent)('x', f); rows.only();" }],
});

const noSilencing = fileRule({
  name: 'no comment turns a guard off without a reason',
  appliesTo: () => true,
  findIn: (file) =>
    commentsWith(file, SILENCERS).map(({ text, at }) => ({ at, says: `${text.trim()} silences a guard` })),
  planted: [
    { 'src/kernel/a.ts': '// @ts-ignore\nf();' },
    { 'src/kernel/a.ts': '// @ts-nocheck' },
    { 'src/kernel/a.ts': '// oxlint-disable-next-line plimsoll/clock\nf();' },
    { 'src/kernel/a.ts': '/* eslint-disable */' },
  ],
  clean: [{ 'src/kernel/a.ts': '// @ts-expect-error: the wrong type is the test\nf("@ts-ignore");' }],
});

const noLeftovers = fileRule({
  name: 'comments hold no task and no path of one machine',
  appliesTo: () => true,
  findIn: (file) =>
    commentsWith(file, LEFTOVERS).map(({ text, at }) => ({
      at,
      says: `${text.trim().slice(0, 80)} belongs in the tracker`,
    })),
  planted: [
    'TODO: later',
    'FIXME',
    'XXX',
    'HACK around it',
    'see /home/somebody/src',
    'see issue 2',
    'issue #14',
  ].map((text) => ({ 'src/kernel/a.ts': `// ${text}\nf();` })),
  clean: [{ 'src/kernel/a.ts': "// Issues a token.\nconst a = 'TODO';" }],
});

const pureKernel = fileRule({
  name: 'the kernel and the rules do no I/O',
  appliesTo: (path) => isProduct(path) && (path.startsWith('src/kernel/') || isRules(path)),
  findIn: (file) =>
    nodesOf(file, ts.isIdentifier)
      .filter((node) => IMPURE.has(node.text) && isFreeName(node) && !isIdentifierSource(file.path, node))
      .map((node) => ({ at: node, says: `${node.text} reaches outside` })),
  planted: [
    { 'src/kernel/a.ts': "fetch('x');" },
    { 'src/kernel/a.ts': "Bun.file('x');" },
    { 'src/kernel/a.ts': 'setTimeout(f, 1);' },
    { 'src/domains/kyc/rules.ts': 'process.exit(1);' },
  ],
  clean: [{ 'src/kernel/a.ts': 'a.fetch(); b({ process: 1 });', 'src/kernel/id.ts': 'Bun.randomUUIDv7();' }],
});

const synchronousRules = fileRule({
  name: 'rules.ts decides without waiting',
  appliesTo: isRules,
  findIn: (file) =>
    nodesOf(file, isAsynchronous).map((node) => ({ at: node, says: 'a rule has its facts handed in' })),
  planted: [
    { 'src/domains/kyc/rules.ts': 'export async function mayTrade() {}' },
    { 'src/domains/kyc/rules.ts': 'const a = async () => 1;' },
  ],
  clean: [
    { 'src/domains/kyc/rules.ts': 'export function mayTrade() {}', 'src/domains/kyc/a.ts': 'async () => 1' },
  ],
});

export const languageRules: readonly Rule[] = [
  noEnums,
  noConsole,
  noSkippedTests,
  noSilencing,
  noLeftovers,
  pureKernel,
  synchronousRules,
];

const SILENCERS = [/@ts-ignore/, /@ts-nocheck/, /\b(?:oxlint|eslint)-disable\b/];
const LEFTOVERS = [/\b(?:TODO|FIXME|XXX|HACK)\b/, /(?:^|\s)\/(?:home|root|Users|tmp)\/\S/, /\bissue #?\d/i];
const IMPURE = new Set(['Bun', 'process', 'fetch', 'setTimeout', 'setInterval', 'WebSocket', 'require']);

function isRules(path: string): boolean {
  return /^src\/domains\/[^/]+\/rules\.ts$/.test(path);
}

/** A name that is looked up in scope, not a property, key or declaration. */
function isFreeName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) {
    return parent.expression === node;
  }
  return ts.isCallExpression(parent) || ts.isElementAccessExpression(parent) || ts.isNewExpression(parent);
}

function isIdentifierSource(path: string, node: ts.Identifier): boolean {
  return path === 'src/kernel/id.ts' && node.text === 'Bun';
}

function isTestFunction(node: ts.Expression): boolean {
  return ts.isIdentifier(node) && ['test', 'it', 'describe'].includes(node.text);
}

function isSkip(name: string): boolean {
  return ['skip', 'only', 'todo', 'failing'].includes(name);
}

function isAsynchronous(node: ts.Node): node is ts.Node {
  return ts.isAwaitExpression(node) || hasModifier(node, ts.SyntaxKind.AsyncKeyword);
}

/** Comments that match a pattern. Text in strings is none, which only the tree can tell. */
function commentsWith(file: SourceFile, patterns: readonly RegExp[]): { text: string; at: number }[] {
  const isMatch = (text: string): boolean => patterns.some((pattern) => pattern.test(text));
  if (!isMatch(file.text)) {
    return [];
  }
  const found = new Map<number, { text: string; at: number }>();
  const visit = (node: ts.Node): void => {
    for (const { pos, end } of [
      ...(ts.getLeadingCommentRanges(file.text, node.getFullStart()) ?? []),
      ...(ts.getTrailingCommentRanges(file.text, node.end) ?? []),
    ]) {
      found.set(pos, { text: file.text.slice(pos, end), at: pos });
    }
    for (const child of node.getChildren(file.tree)) {
      visit(child);
    }
  };
  visit(file.tree);
  return [...found.values()].filter(({ text }) => isMatch(text));
}
