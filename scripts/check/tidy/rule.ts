/**
 * The shape of a tidy rule. A rule carries the samples that prove it: `planted` must be caught, each on
 * its own, and `clean` must pass, so that a rule that cannot fail, or that cries wolf, fails its test.
 */
import ts from 'typescript';
import type { Repository, SourceFile } from '../repository.ts';

export type Sample = Readonly<Record<string, string>>;

export type Rule = {
  readonly name: string;
  readonly find: (repository: Repository) => string[];
  readonly planted: readonly Sample[];
  readonly clean: readonly Sample[];
};

type FileFault = { readonly at: ts.Node | number; readonly says: string };

/** A rule that looks at one source file at a time. */
export function fileRule(rule: {
  readonly name: string;
  readonly appliesTo: (path: string) => boolean;
  readonly findIn: (file: SourceFile) => FileFault[];
  readonly planted: readonly Sample[];
  readonly clean: readonly Sample[];
}): Rule {
  const { name, appliesTo, findIn, planted, clean } = rule;
  return {
    name,
    planted,
    clean,
    find: (repository) =>
      repository.sources
        .filter((file) => appliesTo(file.path))
        .flatMap((file) => findIn(file).map(({ at, says }) => `${file.path}:${lineOf(file, at)}: ${says}`)),
  };
}

/** Every node of a file that the guard accepts, in source order. */
export function nodesOf<Kind extends ts.Node>(file: SourceFile, is: (node: ts.Node) => node is Kind): Kind[] {
  const found: Kind[] = [];
  const visit = (node: ts.Node): void => {
    if (is(node)) {
      found.push(node);
    }
    ts.forEachChild(node, visit);
  };
  visit(file.tree);
  return found;
}

export function isExported(node: ts.Node): boolean {
  return hasModifier(node, ts.SyntaxKind.ExportKeyword);
}

/** Whether a declaration carries a modifier such as `export`, `default` or `declare`. */
export function hasModifier(node: ts.Node, kind: ts.SyntaxKind): boolean {
  return (
    ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some((modifier) => modifier.kind === kind)
  );
}

/** The variables that a file exports, whatever the statement that holds them. */
export function exportedVariables(file: SourceFile): ts.VariableDeclaration[] {
  return file.tree.statements
    .filter((statement) => ts.isVariableStatement(statement))
    .filter(isExported)
    .flatMap((statement) => [...statement.declarationList.declarations]);
}

export function isTest(path: string): boolean {
  return /\.test\.tsx?$/.test(path);
}

/** What ships: source that is neither a test, nor the harness, nor what a domain offers to tests. */
export function isProduct(path: string): boolean {
  return path.startsWith('src/') && !path.includes('/testing/') && !isTest(path);
}

/** A line number counted from 1. */
function lineOf(file: SourceFile, at: ts.Node | number): number {
  const position = typeof at === 'number' ? at : at.getStart(file.tree);
  return file.tree.getLineAndCharacterOfPosition(position).line + 1;
}
