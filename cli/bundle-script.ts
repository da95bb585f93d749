import { basename, dirname, resolve } from 'node:path';
import type { Message } from 'esbuild';
import { SluiceError } from '../contract/errors.ts';
import { limits } from '../contract/limits.ts';

/**
 * Bundles a scoring script (JavaScript or TypeScript) and all it imports into one ES module that needs
 * neither Node nor a file system. The same sources give the same bytes on every machine.
 * Throws `script_invalid` that names file, line and reason.
 */
export async function bundleScript(path: string): Promise<Uint8Array> {
  const file = resolve(path);
  const bundle = await runBundler(file);
  const [output] = bundle.outputFiles;
  const exported = Object.values(bundle.metafile.outputs)[0]?.exports ?? [];
  if (output === undefined || !exported.includes('run')) {
    throw new SluiceError('script_invalid', `${path}: a scoring script exports a function named run`);
  }
  if (output.contents.length > limits.scriptBytesMax) {
    throw new SluiceError(
      'script_invalid',
      `${path}: ${output.contents.length} bytes with its imports, at most ${limits.scriptBytesMax} allowed`,
    );
  }
  return output.contents;
}

async function runBundler(file: string) {
  const { build } = await import('esbuild');
  try {
    return await build({
      entryPoints: [basename(file)],
      // Paths in the output are relative to this, so no machine's path gets into an image; nor do the comments that name them.
      absWorkingDir: dirname(file),
      bundle: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'neutral',
      mainFields: ['module', 'main'],
      conditions: ['import', 'module', 'default'],
      target: 'node20',
      charset: 'utf8',
      minifyWhitespace: true,
      legalComments: 'inline',
      logLevel: 'silent',
    });
  } catch (thrown) {
    const messages = (thrown as { errors?: Message[] }).errors ?? [];
    const [first] = messages;
    if (first === undefined) throw thrown;
    const place = first.location === null ? file : `${first.location.file}:${first.location.line}`;
    throw new SluiceError(
      'script_invalid',
      `${place}: ${first.text}; a script may import packages and its own files, but nothing of Node`,
      { cause: thrown },
    );
  }
}
