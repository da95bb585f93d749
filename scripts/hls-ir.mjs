// What a clang front end makes of the kernels' tops, judged as an HLS compiler would: no pointer that is kept in
// memory or chosen at run time, no division by a variable, no call that leaves the module, no intrinsic that is more
// than an operator. scripts/check-hls.mjs runs it.
import { spawnSync } from 'node:child_process';

/** With vectors, as clang does it by itself, and without, as hls/README.md asks of an HLS tool's front end. */
const optionSets = [['-O2'], ['-O2', '-fno-vectorize', '-fno-slp-vectorize']];

const integerBitsMax = 64;
const harmlessIntrinsics =
  /^llvm\.(?:lifetime\.(?:start|end)|experimental\.noalias\.scope\.decl|assume|[us](?:min|max)|abs|vector\.reduce\.\w+)\b/;
const blockIntrinsics = /^llvm\.mem(?:cpy|move|set)\b/;
const forwarding = new Set(['getelementptr', 'bitcast', 'addrspacecast']);
const value = String.raw`[%@](?:"[^"]*"|[\w.$]+)`;

function holdsPointer(type) {
  return /\*|\bptr\b/.test(type);
}

/** Text up to the first comma or space that stands outside of brackets and quotes. */
function firstType(text) {
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (character === '"') quoted = !quoted;
    if (quoted) continue;
    if ('([{<'.includes(character)) depth += 1;
    if (')]}>'.includes(character)) depth -= 1;
    if (depth === 0 && (character === ',' || character === ' ')) return text.slice(0, index);
  }
  return text;
}

function functionsOf(text) {
  const pattern = /^define [^@]*@("[^"]+"|[\w.$]+)\([^\n]*\{\n([\s\S]*?)^\}/gm;
  return [...text.matchAll(pattern)].map(([, name, body]) => ({
    name: name.replaceAll('"', ''),
    instructions: body
      .split('\n')
      .map(instructionOf)
      .filter((one) => one !== undefined),
  }));
}

function instructionOf(line) {
  const [, result, operation, rest = ''] =
    new RegExp(`^  (?:(${value}) = )?(?:tail |musttail |notail )?(\\w+)(?: (.*))?$`).exec(line) ?? [];
  return operation === undefined ? undefined : { line: line.trim(), result, operation, rest };
}

/** The values that a pointer is made from: one for an address within an object, several for a choice. */
function sourcesOf({ operation, rest }) {
  if (operation === 'phi') return [...rest.matchAll(/\[ ([^,]+), /g)].map(([, source]) => source);
  const pointers = [...rest.matchAll(new RegExp(`(?:\\*|\\bptr) (${value})`, 'g'))];
  if (operation === 'select') return pointers.map(([, source]) => source);
  return forwarding.has(operation) ? pointers.slice(0, 1).map(([, source]) => source) : [];
}

/** The objects that a pointer may lie in. */
function rootsOf(pointer, sources, seen = new Set()) {
  if (seen.has(pointer)) return new Set();
  seen.add(pointer);
  const known = sources.get(pointer) ?? [];
  if (known.length === 0) return new Set([pointer]);
  return new Set(known.flatMap((source) => [...rootsOf(source, sources, seen)]));
}

function faultOfCall({ line, rest }, { defined, blocks }) {
  const [, name] = /@("[^"]+"|[\w.$]+)\(/.exec(rest) ?? [];
  if (name === undefined) return 'a call through a pointer';
  const callee = name.replaceAll('"', '');
  if (defined.has(callee) || harmlessIntrinsics.test(callee)) return undefined;
  if (blockIntrinsics.test(callee)) {
    const isConstant = /, i64 \d+, i1 false\)/.test(line);
    if (!isConstant) return 'a block copy or fill of variable length';
    return blocks ? undefined : 'a block copy or fill';
  }
  return `a call of ${callee}`;
}

function faultOfChoice({ operation, result, rest }, sources) {
  const type = operation === 'select' ? rest.replace(/^[^,]*, /, '') : rest;
  if (!holdsPointer(firstType(type))) return undefined;
  if (operation === 'select') return 'a chosen pointer';
  return rootsOf(result, sources).size > 1 ? 'a choice between pointers to different objects' : undefined;
}

function faultOfInstruction(instruction, sources, context) {
  const { operation, rest } = instruction;
  if (/^(?:call|invoke)$/.test(operation)) return faultOfCall(instruction, context);
  if (operation === 'select' || operation === 'phi') return faultOfChoice(instruction, sources);
  const stored = /^(?:store|load|alloca|insertvalue|extractvalue)$/.test(operation);
  if (stored && holdsPointer(firstType(rest))) return 'a pointer in memory';
  if (/^(?:ptrtoint|inttoptr)$/.test(operation)) return 'arithmetic with an address';
  if (/^[us](?:div|rem)$/.test(operation) && /, [%@]/.test(rest)) return 'a division by a variable';
  return undefined;
}

function faultsOfFunction({ name, instructions }, context) {
  const sources = new Map();
  for (const instruction of instructions) sources.set(instruction.result, sourcesOf(instruction));
  return instructions.flatMap((instruction) => {
    const faults = [faultOfInstruction(instruction, sources, context)];
    const widths = [...instruction.line.matchAll(/\bi(\d+)\b/g)].map(([, bits]) => Number(bits));
    if (widths.some((bits) => bits > integerBitsMax)) faults.push(`more than ${integerBitsMax} bits`);
    if (!context.vectors && /<\d+ x /.test(instruction.line)) faults.push('a vector');
    return faults
      .filter((fault) => fault !== undefined)
      .map((fault) => `${fault} in ${name}: ${instruction.line}`);
  });
}

/**
 * What an HLS compiler is likely to refuse in a module in LLVM's text form, a line each. `blocks` allows copies and
 * fills of structs whose length is a constant, `vectors` vectors.
 */
export function faultsOfModule(text, { blocks, vectors }) {
  const functions = functionsOf(text);
  const defined = new Set(functions.map(({ name }) => name));
  const types = [...text.matchAll(/^(%\S+) = type (.*)$/gm)]
    .filter(([, , members]) => holdsPointer(members))
    .map(([, name]) => `a pointer in the type ${name}`);
  if (functions.length === 0) types.push('a module without a function');
  return [...types, ...functions.flatMap((one) => faultsOfFunction(one, { defined, blocks, vectors }))];
}

/** The same for a top as `compiler`, a clang, sees it. */
export function faultsOfTop({ compiler, root, path, configuration, blocks }) {
  return optionSets.flatMap((options) => {
    const args = ['-std=c++14', ...options, '-I.', `-DSLUICE_CONFIGURATION=${configuration}`, path];
    const { status, stdout, stderr } = spawnSync(compiler, [...args, '-S', '-emit-llvm', '-o', '-'], {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    if (status !== 0) return [`${path}: ${compiler} ${options.join(' ')} refuses it\n${stderr.trimEnd()}`];
    return faultsOfModule(stdout, { blocks, vectors: options.length === 1 }).map(
      (fault) => `${path}, ${configuration}, ${options.join(' ')}: ${fault}`,
    );
  });
}
