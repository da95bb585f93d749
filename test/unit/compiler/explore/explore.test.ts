import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ExploredConfiguration } from '../../../../compiler/explore/explore.ts';
import { exploreModel } from '../../../../compiler/explore/explore.ts';
import { paretoFront } from '../../../../compiler/explore/pareto.ts';
import { hardwareConfigurations } from '../../../../contract/npu/hardware.generated.ts';
import { floatResNet50 } from '../../../support/float-networks.ts';
import { repositoryPath } from '../../../support/paths.ts';

const names = Object.keys(hardwareConfigurations);

function row(
  configuration: string,
  figures: { milliseconds: number; dsp: number; fitsPart?: boolean; refusal?: string },
): ExploredConfiguration {
  const { milliseconds, dsp, fitsPart = true, refusal } = figures;
  const performance = {
    cycles: 1,
    milliseconds,
    itemsPerSecond: 1000 / milliseconds,
    utilisation: 0.5,
    megabytesPerSecond: 100,
    multiplyAccumulates: 1000,
  };
  return {
    configuration,
    part: 'K26',
    clockMhz: 300,
    computeUnits: 1,
    resources: { dsp, bram36: 10, uram: 10 },
    fitsPart,
    isOnFront: false,
    ...(refusal === undefined ? { performance } : { refusal }),
  };
}

describe('the Pareto front', () => {
  it('holds what nothing beats, of those that fit and run', () => {
    const rows = paretoFront([
      row('fast', { milliseconds: 1, dsp: 1000 }),
      row('small', { milliseconds: 9, dsp: 100 }),
      row('beaten', { milliseconds: 9, dsp: 200 }),
      row('too big', { milliseconds: 0.1, dsp: 1, fitsPart: false }),
      row('refused', { milliseconds: 0.1, dsp: 1, refusal: 'too small' }),
    ]);
    expect(rows.filter(({ isOnFront }) => isOnFront).map(({ configuration }) => configuration)).toEqual([
      'fast',
      'small',
    ]);
  });

  it('holds both of two equals', () => {
    const twins = [row('one', { milliseconds: 1, dsp: 1 }), row('other', { milliseconds: 1, dsp: 1 })];
    expect(paretoFront(twins).every(({ isOnFront }) => isOnFront)).toBe(true);
  });
});

describe('exploring a model', () => {
  it('tries every configuration, a float model without samples too', async () => {
    const stages: string[] = [];
    const model = readFileSync(repositoryPath('test', 'golden', 'digits', 'digits_cnn_f32.onnx'));
    const { rows, multiplyAccumulates } = await exploreModel(new Uint8Array(model), {
      onProgress: (stage) => stages.push(stage),
    });
    expect(stages).toEqual(['import', 'quantise', ...names]);
    expect(rows.map(({ configuration }) => configuration)).toEqual(names);
    expect(multiplyAccumulates).toBe(23_680);
    for (const { performance, configuration } of rows) {
      const { clockMhz, inputParallel, outputParallel, pixelParallel } =
        hardwareConfigurations[configuration] ?? expect.fail(configuration);
      const { cycles = 0, milliseconds, utilisation } = performance ?? {};
      expect(milliseconds).toBeCloseTo(cycles / clockMhz / 1000, 12);
      expect(utilisation).toBeCloseTo(23_680 / (cycles * inputParallel * outputParallel * pixelParallel), 12);
    }
    expect(rows.find(({ configuration }) => configuration === 'ci')).toMatchObject({
      fitsPart: false,
      isOnFront: false,
    });
  });

  it('leaves to the CPU what a small configuration cannot hold', async () => {
    const { rows, multiplyAccumulates } = await exploreModel(floatResNet50({ resolution: 32, width: 0.5 }));
    const parts = new Map(
      rows.map(({ configuration, performance }) => [configuration, performance?.multiplyAccumulates ?? 0]),
    );
    expect(parts.get('kv260-m')).toBe(multiplyAccumulates);
    expect(parts.get('ci')).toBeLessThan(multiplyAccumulates);
    expect(parts.get('ci')).toBeGreaterThan(multiplyAccumulates / 2);
  });

  it('takes the dimensions that it is given, and stops when cancelled', async () => {
    const file = readFileSync(repositoryPath('test', 'golden', 'ocr', 'ch_ppocr_mobile_v2.0_cls_infer.onnx'));
    const model = new Uint8Array(file);
    await expect(exploreModel(model)).rejects.toMatchObject({ code: 'model_unsupported' });
    const options = { shapes: { x: [1, 3, 48, 96] }, signal: AbortSignal.abort() };
    await expect(exploreModel(model, options)).rejects.toMatchObject({ code: 'cancelled' });
  });
});
