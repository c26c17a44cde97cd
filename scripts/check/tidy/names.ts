/** Names of files and declarations: one word per concept, and no word that says nothing. */
import { posix } from 'node:path';
import ts from 'typescript';
import { exportedVariables, fileRule, isProduct, nodesOf, type Rule } from './rule.ts';

const KEBAB = /^\.?[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)*$/;
const ANONYMOUS = new Set(['util', 'utils', 'helper', 'helpers', 'common', 'lib', 'libs', 'misc']);
const EMPTY_TYPE = /(?:Manager|Helper|Impl|Data|Info)$/;
const EMPTY_FUNCTION = /^(?:process|handle)(?:$|[A-Z])/;
const EMPTY_VALUE = new Set(['data', 'info', 'process', 'handle']);

/** Words of the published vocabulary: what a domain knows of a person, and the verb `…/process` of the API. */
const GIVEN = new Set(['PersonalData', 'personalData', 'processWithdrawal']);

const kebabCase: Rule = {
  name: 'files and folders are kebab-case',
  find: ({ sources }) =>
    sources
      .filter(({ path }) => !path.split('/').every((part) => KEBAB.test(part)))
      .map(({ path }) => `${path}: is not kebab-case`),
  planted: [{ 'src/kernel/roundUp.ts': '' }, { 'src/Kernel/round.ts': '' }, { 'src/kernel/round_up.ts': '' }],
  clean: [{ 'src/kernel/round-up.ts': '', 'src/kernel/round-up.test.ts': '', 'drizzle.config.ts': '' }],
};

const ownedFiles: Rule = {
  name: 'every file has an owner',
  find: ({ sources }) =>
    sources
      .filter(({ path }) => path.split(/[/.-]/).some((word) => ANONYMOUS.has(word)))
      .map(({ path }) => `${path}: utils, helpers, common, lib and misc are not owners`),
  planted: [
    { 'src/kernel/utils.ts': '' },
    { 'src/platform/common/text.ts': '' },
    { 'src/domains/kyc/test-helpers.ts': '' },
    { 'scripts/misc.ts': '' },
  ],
  clean: [{ 'src/kernel/library.ts': '', 'src/domains/kyc/commonwealth.ts': '' }],
};

const typeNames = fileRule({
  name: 'types are named for what they are',
  appliesTo: isProduct,
  findIn: (file) =>
    nodesOf(file, isNamedType)
      .filter(({ name }) => name !== undefined && EMPTY_TYPE.test(name.text) && !GIVEN.has(name.text))
      .map((node) => ({ at: node, says: `${node.name?.text} ends in a word that says nothing` })),
  planted: ['Manager', 'Helper', 'Impl', 'Data', 'Info'].map((word) => ({
    'src/platform/a.ts': `export type Order${word} = { readonly id: string };`,
  })),
  clean: [{ 'src/platform/a.ts': 'export type PersonalData = { id: string }; type Informed = 1;' }],
});

const functionNames = fileRule({
  name: 'functions outside HTTP neither process nor handle',
  appliesTo: (path) => isProduct(path) && !path.startsWith('src/platform/http/') && !isRoutes(path),
  findIn: (file) =>
    nodesOf(file, ts.isFunctionDeclaration)
      .filter(({ name }) => name !== undefined && EMPTY_FUNCTION.test(name.text) && !GIVEN.has(name.text))
      .map((node) => ({ at: node, says: `${node.name?.text} does not say what it does` })),
  planted: [
    { 'src/domains/kyc/a.ts': 'function processCase() {}' },
    { 'src/platform/jobs/a.ts': 'export function handle() {}' },
  ],
  clean: [
    { 'src/platform/http/a.ts': 'export function handleRequest() {}' },
    { 'src/domains/kyc/a.ts': 'function processedAt() {}' },
    { 'src/domains/funding/a.ts': 'export function processWithdrawal() {}' },
  ],
});

const valueNames = fileRule({
  name: 'exported values are named for what they hold',
  appliesTo: isProduct,
  findIn: (file) =>
    exportedVariables(file)
      .filter(({ name }) => ts.isIdentifier(name) && EMPTY_VALUE.has(name.text))
      .map((node) => ({ at: node, says: `${node.name.getText(file.tree)} does not say what it holds` })),
  planted: [...EMPTY_VALUE].map((word) => ({ 'src/platform/a.ts': `export const ${word} = 1;` })),
  clean: [{ 'src/domains/kyc/index.ts': 'export const personalData = []; const data = 1;' }],
});

export const nameRules: readonly Rule[] = [kebabCase, ownedFiles, typeNames, functionNames, valueNames];

function isRoutes(path: string): boolean {
  return /^routes\.tsx?$/.test(posix.basename(path));
}

function isNamedType(node: ts.Node): node is ts.TypeAliasDeclaration | ts.ClassDeclaration {
  return ts.isTypeAliasDeclaration(node) || ts.isClassDeclaration(node);
}
