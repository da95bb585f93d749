import { SluiceError } from '../../contract/errors.ts';
import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import { gemmFields } from '../../contract/npu/instructions.generated.ts';
import { quoted } from '../quoted.ts';
import type { LoweredLayer } from './lower.ts';

/** Output blocks of one layer whose weights are loaded together and computed by one GEMM. */
export interface Chunk {
  /** Index of the layer. */
  layer: number;
  firstOutputBlock: number;
  outputBlocks: number;
}

/** How the weights of all layers pass through the on-chip memories. */
export interface TilePlan {
  /** 2: one bank is loaded while the other is computed with. 1: a layer needs the whole memory. */
  bankCount: 1 | 2;
  /** Weight tiles and parameter records of one bank. */
  bankTiles: number;
  bankRecords: number;
  chunks: readonly Chunk[];
}

const inputBlocksMax = 2 ** gemmFields.inputBlocks[2] - 1;
const outputBlocksMax = 2 ** gemmFields.outputBlocks[2] - 1;

/**
 * Splits layers over output blocks so that each chunk's weights fit a bank. A GEMM sums over the whole
 * input at once, so one output block must fit. Throws `model_unsupported` naming layer and sizes.
 */
export function planTiles(layers: readonly LoweredLayer[], configuration: HardwareConfiguration): TilePlan {
  const { block, weightTiles, parameterRecords } = configuration;
  const widest = layers.reduce((most, { inputBlocks }) => Math.max(most, inputBlocks), 0);
  const tooWide = layers.find(({ inputBlocks }) => inputBlocks > Math.min(weightTiles, inputBlocksMax));
  if (tooWide !== undefined) {
    const needed = `${block} outputs need ${tooWide.inputBlocks} weight tiles`;
    throw new SluiceError(
      'model_unsupported',
      `layer ${quoted(tooWide.name)}: ${needed}, configuration ${configuration.name} computes with at most ${Math.min(weightTiles, inputBlocksMax)}`,
    );
  }
  const bankCount = widest * 2 <= weightTiles && block * 2 <= parameterRecords ? 2 : 1;
  const bankTiles = Math.floor(weightTiles / bankCount);
  const bankRecords = Math.floor(parameterRecords / bankCount);
  const chunks = layers.flatMap((layer, index) =>
    splitLayer(layer, {
      index,
      outputBlocksMax: Math.min(
        outputBlocksMax,
        Math.floor(bankTiles / layer.inputBlocks),
        Math.floor(bankRecords / block),
      ),
    }),
  );
  return { bankCount, bankTiles, bankRecords, chunks };
}

function splitLayer(layer: LoweredLayer, options: { index: number; outputBlocksMax: number }): Chunk[] {
  const chunks: Chunk[] = [];
  for (let first = 0; first < layer.outputBlocks; first += options.outputBlocksMax) {
    chunks.push({
      layer: options.index,
      firstOutputBlock: first,
      outputBlocks: Math.min(options.outputBlocksMax, layer.outputBlocks - first),
    });
  }
  return chunks;
}
