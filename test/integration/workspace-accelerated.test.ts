import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { OpenedImage } from '../../agent/images/opened-image.ts';
import { BlobStore } from '../../base/blob-store.ts';
import { elementType } from '../../compiler/onnx/element-types.ts';
import type { OnnxGraph } from '../../compiler/onnx/model.ts';
import { readModel } from '../../compiler/onnx/read-model.ts';
import { writeModel } from '../../compiler/onnx/write-model.ts';
import { layerPaths } from '../../contract/image.ts';
import type { Image, Model } from '../../contract/workspace-api.ts';
import { type LocalScoring, startScoring } from '../support/local-scoring.ts';
import { constant, node } from '../support/onnx-models.ts';
import { repositoryPath } from '../support/paths.ts';
import { type RunningWorkspace, startWorkspace } from '../support/workspace-fixture.ts';

const configuration = 'kv260-m';
const pixelCount = 64;
const pixels = readFileSync(repositoryPath('test', 'golden', 'digits', 'images.u8'));

/** The quantised digits CNN with ends that stay on ONNX Runtime: bytes instead of floats in, Softmax out. */
function digitsOfBytes(): Uint8Array {
  const file = readFileSync(repositoryPath('test', 'golden', 'digits', 'digits_cnn_qdq_pc.onnx'));
  const { graph, ...rest } = readModel(new Uint8Array(file));
  const [input] = graph.inputs;
  const [output] = graph.outputs;
  if (input === undefined || output === undefined) throw new Error('no digits');
  const float = { kind: 'int' as const, value: elementType.FLOAT };
  const whole: OnnxGraph = {
    ...graph,
    nodes: [
      node('Cast', { inputs: ['pixels'], outputs: ['pixel_floats'], attributes: { to: float } }),
      node('Div', { inputs: ['pixel_floats', 'sixteen'], outputs: [input.name] }),
      ...graph.nodes,
      node('Softmax', { inputs: [output.name], outputs: ['probabilities'] }),
    ],
    initialisers: new Map([...graph.initialisers, ['sixteen', constant.float('sixteen', [16], [])]]),
    inputs: [{ ...input, name: 'pixels', elementType: elementType.UINT8 }],
    outputs: [{ ...output, name: 'probabilities' }],
  };
  return writeModel({ ...rest, graph: whole });
}

function imageOf(index: number): Buffer {
  return pixels.subarray(index * pixelCount, (index + 1) * pixelCount);
}

async function buildDigits(workspace: RunningWorkspace): Promise<Image> {
  const file = await workspace.upload(digitsOfBytes());
  const { body: model } = await workspace.call('POST', '/models', { name: 'digits', file });
  const shape = [1, ...((model as Model).signature.inputs[0]?.shape.slice(1) ?? [])];
  const samples = [0, 1, 2].map((index) => ({
    inputs: [{ name: 'pixels', datatype: 'UINT8', shape, data: imageOf(index).toString('base64') }],
  }));
  const { body } = await workspace.call('POST', '/images', {
    name: 'digits',
    model: 'digits:1',
    samples: await workspace.upload(Buffer.from(JSON.stringify({ samples }))),
    accelerate: configuration,
  });
  expect(body).toMatchObject({ name: 'digits', version: 1, accelerated: configuration });
  return body as Image;
}

/** Brings every blob of an image from the workspace into the scoring server's store. */
async function bring(workspace: RunningWorkspace, image: Image, scoring: LocalScoring): Promise<OpenedImage> {
  const from = new BlobStore(join(workspace.stateFolder, 'oci'));
  const { manifest } = await OpenedImage.open(from, image.digest);
  for (const digest of [
    image.digest,
    manifest.config.digest,
    ...manifest.layers.map((each) => each.digest),
  ]) {
    await scoring.blobs.put(await from.read(digest, { bytesMax: 1 << 26 }));
  }
  return OpenedImage.open(scoring.blobs, image.digest);
}

it('a convolutional model with a float head and tail is built and served on both routes', async () => {
  const workspace = await startWorkspace();
  const scoring = await startScoring({ npu: configuration });
  const image = await buildDigits(workspace);
  const opened = await bring(workspace, image, scoring);
  const { run } = opened;
  expect(run.routes.cpu.keepsQuantisation).toBe(true);
  expect(run.routes.npu?.head?.inputs.map(({ name }) => name)).toEqual(['pixels']);
  expect(run.routes.npu?.tail?.outputs.map(({ name }) => name)).toEqual(['probabilities']);
  for (const path of Object.values(layerPaths)) {
    expect([path, opened.layer(path) === undefined]).toEqual([path, path === layerPaths.script]);
  }
  await scoring.deployments.activate('digits', image.digest);
  const shape = run.signature.inputs[0]?.shape.slice(1) ?? [];
  const answers = new Set<string>();
  for (let index = 0; index < 20; index += 1) {
    const input = { name: 'pixels', datatype: 'UINT8', shape: [1, ...shape], data: [...imageOf(index)] };
    const [cpu, npu] = await Promise.all(
      ['cpu', 'fpga'].map((route) =>
        scoring.post(
          '/v2/models/digits/infer',
          { inputs: [input] },
          { headers: { 'x-sluice-route': route } },
        ),
      ),
    );
    expect([cpu?.status, npu?.status, npu?.headers.get('x-sluice-route')]).toEqual([200, 200, 'fpga-sim']);
    expect(npu?.text).toBe(cpu?.text);
    answers.add(npu?.text ?? '');
  }
  expect(answers.size).toBeGreaterThan(15);
});
