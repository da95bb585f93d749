import type { Command } from 'commander';
import type { Exploration, ExploredConfiguration } from '../../compiler/explore/explore.ts';
import { abortOnStop } from '../abort-on-stop.ts';
import { type ShapeOptions, shapeOption } from '../calibration/calibration-inputs.ts';
import { globalOptions } from '../global-options.ts';
import { formatCount, printResult, table } from '../output.ts';
import { ProgressLine } from '../stage-progress.ts';
import { existingFile } from './shared.ts';

/** `sluice explore`. */
export function addExploreCommand(program: Command): void {
  program
    .command('explore')
    .description('estimate what a model would take on every hardware configuration')
    .argument('<model>', 'ONNX model', existingFile)
    .option('--shape <name=sizes>', 'dimensions of an input that leaves some open (repeatable)', shapeOption)
    .addHelpText(
      'after',
      '\nA float model is quantised with random inputs: cycles do not depend on values.\nExample: sluice explore model.onnx --shape input=1,3,224,224',
    )
    .action(async (model: string, options: { shape?: ShapeOptions }, command: Command) => {
      const global = globalOptions(command);
      const progress = new ProgressLine({ json: global.json });
      const signal = abortOnStop();
      const { exploreInWorker } = await import('../../compiler/explore/explore-in-worker.ts');
      const { readModelFile } = await import('../read-model-file.ts');
      const job = { model: await readModelFile(model), shapes: options.shape ?? {} };
      const onProgress = (stage: string, done: number, total: number): void =>
        progress.show({ stage, fraction: done / total });
      try {
        const value = await exploreInWorker(job, { signal, onProgress });
        progress.end();
        printResult({ json: global.json, value, toText: () => explorationText(value) });
      } finally {
        progress.end();
      }
    });
}

function explorationText({ rows, multiplyAccumulates }: Exploration): string {
  const refused = rows.flatMap(({ configuration, refusal }) =>
    refusal === undefined ? [] : [`${configuration}: ${refusal}`],
  );
  return [
    table(
      [
        '',
        'CONFIGURATION',
        'PART',
        'MS',
        'ITEMS/S',
        'USED',
        'MB/S',
        'NPU',
        'DSP',
        'BRAM36',
        'URAM',
        'NPUS',
        'FITS',
      ],
      rows.map((row) => rowText(row, multiplyAccumulates)),
    ),
    '',
    '* on the Pareto front of latency, throughput, DSP and on-chip memory',
    'Estimated, uncalibrated: one item on one NPU; ITEMS/S, DSP, BRAM36 and URAM of all NPUs of the board.',
    `NPU: part of the ${formatCount(multiplyAccumulates)} multiply-accumulates; what stays on the CPU is not in these times.`,
    ...refused,
  ].join('\n');
}

function rowText(row: ExploredConfiguration, work: number): string[] {
  const { performance, resources, refusal, fitsPart, part } = row;
  const figures =
    performance === undefined
      ? ['-', '-', '-', '-', '-']
      : [
          performance.milliseconds.toPrecision(4),
          performance.itemsPerSecond.toFixed(1),
          `${(performance.utilisation * 100).toFixed(0)} %`,
          performance.megabytesPerSecond.toFixed(0),
          partOf(performance.multiplyAccumulates, work),
        ];
  return [
    row.isOnFront ? '*' : '',
    row.configuration,
    part,
    ...figures,
    ...[resources.dsp, resources.bram36, resources.uram].map(formatCount),
    String(row.computeUnits),
    refusal !== undefined ? 'refused' : fitsPart ? 'yes' : part === 'none' ? 'simulated only' : 'no',
  ];
}

/** Never rounded up to all. */
function partOf(part: number, whole: number): string {
  return part === whole ? '100 %' : `${Math.min(99.9, (100 * part) / whole).toFixed(1)} %`;
}
