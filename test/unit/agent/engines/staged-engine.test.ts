import { describe, expect, it } from 'vitest';
import type { Engine } from '../../../../agent/engines/engine.ts';
import type { RunTerms } from '../../../../agent/engines/run-terms.ts';
import { StagedEngine } from '../../../../agent/engines/staged-engine.ts';
import { SluiceError } from '../../../../contract/errors.ts';
import type { Tensor, TensorSignature } from '../../../../contract/tensors.ts';

function description(name: string) {
  return { name, datatype: 'UINT8' as const, shape: [1] };
}

function signatureOf(inputs: string[], outputs: string[]): TensorSignature {
  return { inputs: inputs.map(description), outputs: outputs.map(description) };
}

function tensorOf(name: string, value: number): Tensor {
  return { ...description(name), data: Uint8Array.of(value) };
}

/** Gives the sum of its inputs plus 1 as each output, once the test lets it: until then it reads them. */
class SumStage implements Engine {
  readonly route = 'fpga-sim';
  readonly signature: TensorSignature;
  readonly waiting: (() => void)[] = [];
  holds = false;
  isClosed = false;

  constructor(inputs: string[], outputs: string[]) {
    this.signature = signatureOf(inputs, outputs);
  }

  async infer(inputs: Tensor[], { signal }: RunTerms = {}): Promise<Tensor[]> {
    if (this.holds) {
      await new Promise<void>((resolve, reject) => {
        this.waiting.push(resolve);
        signal?.addEventListener('abort', () => reject(new SluiceError('cancelled', 'left')));
      });
    }
    const sum = inputs.reduce((total, { data }) => total + (data[0] ?? 0), 1);
    return this.signature.outputs.map(({ name }) => tensorOf(name, sum));
  }

  expectedMs(): number {
    return 400;
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

/** x → head → in_npu → NPU → y, in_tail; in_tail, x → tail → z. */
function staged(queueDepthMax = 2) {
  const head = new SumStage(['x'], ['in_npu']);
  const npu = new SumStage(['in_npu'], ['y', 'in_tail']);
  const tail = new SumStage(['in_tail', 'x', 'y'], ['z']);
  const engine = new StagedEngine({
    what: 'test',
    head: { engine: head, signature: head.signature },
    npu: { engine: npu, signature: npu.signature },
    tail: { engine: tail, signature: tail.signature },
    signature: signatureOf(['x'], ['z', 'y']),
    queueDepthMax,
  });
  return { engine, head, npu, tail };
}

describe('StagedEngine', () => {
  it('gives the outputs of the graph in its order, and leaves inputs and outputs whole', async () => {
    const { engine } = staged();
    const x = tensorOf('x', 10);
    const outputs = await engine.infer([x]);
    expect(outputs).toEqual([tensorOf('z', 1 + 12 + 10 + 12), tensorOf('y', 12)]);
    expect(x).toEqual(tensorOf('x', 10));
  });

  it('lets in as many requests as may wait and one that runs, wherever they are', async () => {
    const { engine, head, tail } = staged(2);
    tail.holds = true;
    const first = engine.infer([tensorOf('x', 1)]);
    const second = engine.infer([tensorOf('x', 2)]);
    await expect.poll(() => tail.waiting.length).toBe(2);
    head.holds = true;
    const leaving = new AbortController();
    const third = engine.infer([tensorOf('x', 3)], { signal: leaving.signal });
    await expect(engine.infer([tensorOf('x', 4)])).rejects.toMatchObject({
      code: 'queue_full',
      retryAfterMs: 1_200,
    });
    leaving.abort();
    await expect(third).rejects.toMatchObject({ code: 'cancelled' });
    head.holds = false;
    const fourth = engine.infer([tensorOf('x', 4)]);
    await expect.poll(() => tail.waiting.length).toBe(3);
    for (const release of tail.waiting) release();
    const sums = (await Promise.all([first, second, fourth])).map(([z]) => z?.data[0]);
    expect(sums).toEqual([8, 11, 17]);
  });

  it('has the time of all stages, and closes them all', async () => {
    const { engine, head, npu, tail } = staged();
    expect(engine.expectedMs()).toBe(1200);
    await engine.close();
    expect([head, npu, tail].every(({ isClosed }) => isClosed)).toBe(true);
  });
});
