// Writes the C++ and TypeScript constants of the NPU from hls/isa/instructions.json and hls/config/*.json.
//   node scripts/generate-npu-constants.mjs            writes what is stale
//   node scripts/generate-npu-constants.mjs --check    writes nothing; exit code 1 names each stale file
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  assembleCpp,
  configurationCpp,
  configurationListCmake,
  configurationListCpp,
  decodeCpp,
  instructionsCpp,
} from './npu-constants/cpp.mjs';
import { configurationFolder, readSources } from './npu-constants/sources.mjs';
import { hardwareTypeScript, instructionsTypeScript } from './npu-constants/typescript.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Path and text of every generated file. */
function generate() {
  const { set, configurations } = readSources(root);
  const files = new Map();
  const write = (path, text, ...inputs) => files.set(path, text(path, ...inputs));
  files.set('contract/npu/instructions.generated.ts', instructionsTypeScript(set));
  files.set('contract/npu/hardware.generated.ts', hardwareTypeScript(configurations));
  write('hls/isa/generated/instructions.hpp', instructionsCpp, set);
  write('hls/isa/generated/decode.hpp', decodeCpp, set);
  write('hls/isa/generated/assemble.hpp', assembleCpp, set);
  for (const entry of configurations) {
    write(`${configurationFolder}/generated/${entry.configuration.name}.hpp`, configurationCpp, entry);
  }
  write(`${configurationFolder}/generated/configurations.hpp`, configurationListCpp, configurations);
  files.set(`${configurationFolder}/generated/configurations.cmake`, configurationListCmake(configurations));
  return files;
}

function main() {
  const files = generate();
  const stale = [...files].filter(([path, text]) => {
    const absolute = join(root, path);
    return !existsSync(absolute) || readFileSync(absolute, 'utf8') !== text;
  });
  if (process.argv.includes('--check')) {
    for (const [path] of stale) {
      console.error(`${path} is stale; run: node scripts/generate-npu-constants.mjs`);
    }
    process.exitCode = stale.length === 0 ? 0 : 1;
    return;
  }
  for (const [path, text] of stale) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    console.log(`wrote ${path}`);
  }
}

main();
