/**
 * Runs the development tools of node_modules. They run on the Bun that runs this script, so that the
 * Node on the machine, or its absence, makes no difference.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export const repositoryRoot = join(import.meta.dir, '..', '..');

export class MissingTool extends Error {}

export type ToolRun = { readonly exitCode: number; readonly stdout: string; readonly stderr: string };

/**
 * Runs one tool of node_modules to its end and returns what it said, also when it failed.
 * @errors MissingTool when the tool's file is not installed
 */
export function runTool(file: string, args: readonly string[], folder: string): Promise<ToolRun> {
  return runScript(toolPath(file), args, folder);
}

/** Runs a script on this Bun, in a folder, without colours, input or telemetry. */
export async function runScript(path: string, args: readonly string[], folder: string): Promise<ToolRun> {
  const tool = Bun.spawn([process.execPath, path, ...args], {
    cwd: folder,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0', DO_NOT_TRACK: '1' },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(tool.stdout).text(),
    new Response(tool.stderr).text(),
    tool.exited,
  ]);
  return { exitCode, stdout, stderr };
}

/** Whether a file of an installed package is there. */
export function isInstalled(file: string): boolean {
  return existsSync(join(repositoryRoot, 'node_modules', file));
}

function toolPath(file: string): string {
  if (!isInstalled(file)) {
    throw new MissingTool(`node_modules/${file} is missing: run \`bun install\``);
  }
  return join(repositoryRoot, 'node_modules', file);
}
