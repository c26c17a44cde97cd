/** Limits on length: a file that outgrows them holds two jobs. */
import ts from 'typescript';
import type { SourceFile } from '../repository.ts';
import { fileRule, nodesOf, type Rule } from './rule.ts';

const MAX_FUNCTION_LINES = 70;
const MAX_FILE_LINES = 500;

/** A table of cases is one job, however long. */
const MAX_TEST_LINES = 800;

const functionLength = fileRule({
  name: `functions have at most ${MAX_FUNCTION_LINES} lines`,
  appliesTo: () => true,
  findIn: (file) =>
    nodesOf(file, isFunctionWithBody)
      .filter((node) => !isSuite(node))
      .map((node) => ({ node, lines: linesOf(file, node) }))
      .filter(({ lines }) => lines > MAX_FUNCTION_LINES)
      .map(({ node, lines }) => ({ at: node, says: `${nameOf(node)} has ${lines} lines` })),
  planted: [
    { 'src/kernel/a.ts': `function long() {\n${'  f();\n'.repeat(MAX_FUNCTION_LINES - 1)}}` },
    { 'src/kernel/a.ts': `const long = () => {\n${'  f();\n'.repeat(MAX_FUNCTION_LINES - 1)}};` },
    { 'src/kernel/a.ts': `class A { long() {\n${'  f();\n'.repeat(MAX_FUNCTION_LINES - 1)}} }` },
    { 'src/kernel/a.test.ts': `test('x', () => {\n${'  f();\n'.repeat(MAX_FUNCTION_LINES - 1)}});` },
  ],
  clean: [
    { 'src/kernel/a.ts': `function fits() {\n${'  f();\n'.repeat(MAX_FUNCTION_LINES - 2)}}` },
    { 'src/kernel/a.ts': `/**\n${' * why\n'.repeat(MAX_FUNCTION_LINES)} */\nfunction documented() {}` },
    { 'src/kernel/a.test.ts': `describe('x', () => {\n${'  f();\n'.repeat(MAX_FUNCTION_LINES)}});` },
  ],
});

const fileLength = fileRule({
  name: `files have at most ${MAX_FILE_LINES} lines, tests ${MAX_TEST_LINES}`,
  appliesTo: () => true,
  findIn: (file) => {
    const lines = file.text.replace(/\n$/, '').split('\n').length;
    return lines > (file.path.endsWith('.test.ts') ? MAX_TEST_LINES : MAX_FILE_LINES)
      ? [{ at: 0, says: `the file has ${lines} lines` }]
      : [];
  },
  planted: [
    { 'src/kernel/a.ts': 'f();\n'.repeat(MAX_FILE_LINES + 1) },
    { 'src/kernel/a.test.ts': 'f();\n'.repeat(MAX_TEST_LINES + 1) },
  ],
  clean: [
    { 'src/kernel/a.ts': 'f();\n'.repeat(MAX_FILE_LINES) },
    { 'src/kernel/a.test.ts': 'f();\n'.repeat(MAX_TEST_LINES) },
  ],
});

export const sizeRules: readonly Rule[] = [functionLength, fileLength];

function isFunctionWithBody(node: ts.Node): node is ts.FunctionLikeDeclaration {
  return ts.isFunctionLike(node) && 'body' in node && node.body !== undefined;
}

/** The callback of `describe` groups tests; each test inside it is measured. */
function isSuite(node: ts.Node): boolean {
  return ts.isCallExpression(node.parent) && /^describe\b/.test(node.parent.expression.getText());
}

function linesOf(file: SourceFile, node: ts.Node): number {
  const first = file.tree.getLineAndCharacterOfPosition(node.getStart(file.tree)).line;
  return file.tree.getLineAndCharacterOfPosition(node.end).line - first + 1;
}

function nameOf(node: ts.FunctionLikeDeclaration): string {
  if (node.name !== undefined) {
    return node.name.getText();
  }
  return ts.isVariableDeclaration(node.parent) ? node.parent.name.getText() : 'a function';
}
