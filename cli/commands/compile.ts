import { type Command, Option } from 'commander';
import type { CompiledModel } from '../../compiler/compile.ts';
import { parseQuantiseChoice } from '../../compiler/quantise/method.ts';
import type { CompileReport } from '../../compiler/report.ts';
import { hardwareConfigurations } from '../../contract/npu/hardware.generated.ts';
import { abortOnStop } from '../abort-on-stop.ts';
import {
  addCalibrationOptions,
  type CalibrationChoices,
  gatherCalibration,
} from '../calibration/calibration-options.ts';
import { globalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { checkOutputFolder, type OutputFiles, writeOutputFolder } from '../output-folder.ts';
import { ProgressLine } from '../stage-progress.ts';
import { existingFile } from './shared.ts';

const command = 'compile';
/** Part of the time that reading calibration samples takes. */
const readingPart = 0.1;
const reportFormats = ['text', 'json', 'html'] as const;
type ReportFormat = (typeof reportFormats)[number];

interface CompileChoices extends CalibrationChoices {
  config: string;
  output: string;
  /** `true` is `--report` without a format. */
  report?: ReportFormat | true;
}

/** `sluice compile`. */
export function addCompileCommand(program: Command): void {
  const compile = program
    .command(command)
    .description('compile an ONNX model to an NPU program, proven equal to its canonical model')
    .argument('<model>', 'ONNX model: float, QDQ or QLinear', existingFile)
    .addOption(
      new Option('-c, --config <configuration>', 'hardware to compile for')
        .choices(Object.keys(hardwareConfigurations))
        .makeOptionMandatory(),
    )
    .requiredOption(
      '-o, --output <folder>',
      'where to write; what this command wrote there before is replaced',
    )
    .addOption(
      new Option('--report [format]', 'print the report instead of a summary').choices(reportFormats),
    );
  addCalibrationOptions(compile)
    .addHelpText(
      'after',
      `
Writes program.npu, model.canonical.onnx, head.onnx and tail.onnx where nodes stay on the CPU, bindings.json,
and report.txt, report.json, report.html.

Example: sluice compile model.onnx --config kv260-m --calibration pictures/ -o out/`,
    )
    .action(async (model: string, choices: CompileChoices, own: Command) => {
      const global = globalOptions(own);
      const progress = new ProgressLine({ json: global.json });
      try {
        const report = await compileTo(choices.output, { model, choices, progress });
        progress.end();
        await print(report, { json: global.json, choices });
      } finally {
        progress.end();
      }
    });
}

async function compileTo(
  folder: string,
  job: { model: string; choices: CompileChoices; progress: ProgressLine },
): Promise<CompileReport> {
  const { choices, progress } = job;
  const signal = abortOnStop();
  const quantise = parseQuantiseChoice(choices.quantise);
  await checkOutputFolder(folder, command);
  const { readModelFile } = await import('../read-model-file.ts');
  const model = await readModelFile(job.model);
  const { declaredInputs } = await import('../calibration/declared-inputs.ts');
  const { samples, labels, skippedFileCount } = await gatherCalibration(declaredInputs(model), {
    choices,
    signal,
    onRead: (part) => progress.show({ stage: 'calibration', fraction: part * readingPart }),
  });
  if (skippedFileCount > 0) {
    const limit = `the first ${samples?.length} samples`;
    progress.note(`calibration: ${limit} are used; ${skippedFileCount} files were not read to their end`);
  }
  const start = samples === undefined ? 0 : readingPart;
  const { compileInWorker } = await import('../../compiler/compile-in-worker.ts');
  const { compiled } = await compileInWorker({
    model,
    accelerate: choices.config,
    quantise,
    ...(choices.shape === undefined ? {} : { shapes: choices.shape }),
    ...(samples === undefined ? {} : { calibration: samples }),
    ...(labels === undefined ? {} : { labels }),
    signal,
    onProgress: ({ stage, fraction }) => progress.show({ stage, fraction: start + (1 - start) * fraction }),
  });
  if (compiled === undefined) throw new TypeError('the compiler gave no program');
  await writeOutputFolder(folder, { command, files: await filesOf(compiled), signal });
  return compiled.report;
}

async function filesOf(compiled: CompiledModel): Promise<OutputFiles> {
  const { program, canonicalModel, head, tail, inputs, outputs, report } = compiled;
  const { htmlReport } = await import('../../compiler/report/html-report.ts');
  const { textReport } = await import('../../compiler/report/text-report.ts');
  const bindings = {
    configuration: report.configuration.name,
    inputs,
    outputs,
    ...(head === undefined ? {} : { head: head.signature }),
    ...(tail === undefined ? {} : { tail: tail.signature }),
  };
  return {
    'program.npu': program,
    'model.canonical.onnx': canonicalModel,
    ...(head === undefined ? {} : { 'head.onnx': head.model }),
    ...(tail === undefined ? {} : { 'tail.onnx': tail.model }),
    'bindings.json': `${JSON.stringify(bindings, null, 2)}\n`,
    'report.json': `${JSON.stringify(report)}\n`,
    'report.txt': textReport(report),
    'report.html': htmlReport(report),
  };
}

async function print(
  report: CompileReport,
  { json, choices }: { json: boolean; choices: CompileChoices },
): Promise<void> {
  const { summary, textReport } = await import('../../compiler/report/text-report.ts');
  const { htmlReport } = await import('../../compiler/report/html-report.ts');
  if (choices.report === 'html') process.stdout.write(htmlReport(report));
  else if (choices.report === 'json') process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else {
    const toText = (): string =>
      choices.report === undefined
        ? `${summary(report)}\nwritten      ${choices.output}`
        : textReport(report).trimEnd();
    printResult({ json, value: report, toText });
  }
}
