import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { scoringLimits } from '../../agent/scoring-limits.ts';
import { fashionSet, floatInput } from '../support/golden-sets.ts';
import { startGrpc } from '../support/local-grpc.ts';
import { startScoring } from '../support/local-scoring.ts';
import { startCollector } from '../support/trace-collector.ts';

const image = [...floatInput(fashionSet(), 0)];
const body = { inputs: [{ name: 'input', shape: [1, 784], datatype: 'FP32', data: image }] };
const infer = '/v2/models/fashion/infer';
const traceId = '0af7651916cd43dd8448eb211c80319c';
const parentId = 'b7ad6b7169203331';
const sampled = `00-${traceId}-${parentId}-01`;
const limits = { traces: { ...scoringLimits.traces, intervalMs: 10, intervalCapMs: 20 } };
const script = 'export function run({ headers }) { return headers; }';

describe('traces', () => {
  it('have a span of the request below the caller, and one for each phase', async () => {
    const collector = await startCollector();
    const scoring = await startScoring({ endpoint: { otlpEndpoint: collector.url }, limits });
    const digest = await scoring.deploy('fashion');
    const beforeMs = Date.now();
    const answer = await scoring.post(infer, body, { headers: { traceparent: sampled, tracestate: 'v=1' } });
    const server = await collector.until(({ kind }) => kind === 2);
    expect(answer.headers.get('traceparent')).toBe(`00-${traceId}-${server.spanId}-01`);
    expect(server).toMatchObject({
      ...{ traceId, parentSpanId: parentId, traceState: 'v=1' },
      name: 'POST /v2/models/:model/infer',
      status: {},
      attributes: {
        'service.name': 'sluice',
        'http.route': '/v2/models/:model/infer',
        'http.response.status_code': 200,
        'sluice.model': 'fashion',
        'sluice.version': 1,
        'sluice.image': digest,
        'sluice.route': 'cpu',
        'sluice.items': 1,
      },
    });
    expect(server.attributes['sluice.compute_ms']).toBeGreaterThan(0);
    const phases = collector.spans.filter(({ parentSpanId }) => parentSpanId === server.spanId);
    expect(phases.map(({ name }) => name).sort()).toEqual(['compute', 'decode', 'encode', 'queue']);
    // The clock of instants has whole milliseconds.
    const [startNs, endNs] = [BigInt(server.startTimeUnixNano), BigInt(server.endTimeUnixNano)];
    expect(startNs).toBeGreaterThanOrEqual(BigInt(beforeMs - 2) * 1_000_000n);
    for (const phase of phases) {
      expect(phase.traceId).toBe(traceId);
      expect(BigInt(phase.startTimeUnixNano)).toBeGreaterThanOrEqual(startNs);
      expect(BigInt(phase.endTimeUnixNano)).toBeGreaterThan(BigInt(phase.startTimeUnixNano));
      expect(BigInt(phase.endTimeUnixNano)).toBeLessThanOrEqual(endNs);
    }
  });

  it('reach a script as its parent, and name the error of a request that fails', async () => {
    const collector = await startCollector();
    const scoring = await startScoring({ endpoint: { otlpEndpoint: collector.url }, limits });
    await scoring.deploy('echo', { script });
    const inner = await scoring.post('/score', '', { headers: { traceparent: sampled, tracestate: 'v=1' } });
    const server = await collector.until(({ name }) => name === 'POST /score');
    expect(inner.json).toMatchObject({ traceparent: `00-${traceId}-${server.spanId}-01`, tracestate: 'v=1' });
    // A parent that is none begins a trace, and its state belongs to nobody.
    const other = await scoring.post('/score', '', {
      headers: { traceparent: '00-x-y-01', tracestate: 'v=1' },
    });
    expect(other.json).toMatchObject({ traceparent: other.headers.get('traceparent') });
    expect(other.json).not.toHaveProperty('tracestate');
    expect(other.headers.get('traceparent')).not.toContain(traceId);
    await scoring.post(infer, body);
    const failed = await collector.until(({ name }) => name === 'POST /v2/models/:model/infer');
    expect(failed.attributes).toMatchObject({
      'http.response.status_code': 404,
      'error.type': 'unknown_model',
    });
    await scoring.deploy('echo', { script: "export function run() { throw new Error('no'); }" });
    await scoring.post('/score', '');
    const broken = await collector.until(({ status }) => status.code === 2);
    expect(broken.attributes['error.type']).toBe('script_failed');
  });

  it('are made over gRPC too: of a call, and of each request of a stream', async () => {
    const collector = await startCollector();
    const scoring = await startScoring({ endpoint: { otlpEndpoint: collector.url }, limits });
    const digest = await scoring.deploy('fashion');
    const grpc = await startGrpc(scoring);
    const inputs = [{ name: 'input', shape: [1, 784], datatype: 'FP32', contents: { fp32_contents: image } }];
    const request = { model_name: 'fashion', inputs };
    const metadata = { traceparent: sampled, tracestate: 'v=1' };
    const called = await grpc.call('ModelInfer', request, { metadata });
    const name = 'inference.GRPCInferenceService/ModelInfer';
    const server = await collector.until((span) => span.name === name);
    expect(called.metadata.get('traceparent')).toEqual([`00-${traceId}-${server.spanId}-01`]);
    expect(server).toMatchObject({
      ...{ kind: 2, traceId, parentSpanId: parentId, traceState: 'v=1', status: {} },
      attributes: {
        'rpc.system': 'grpc',
        'rpc.service': 'inference.GRPCInferenceService',
        'rpc.method': 'ModelInfer',
        'rpc.grpc.status_code': 0,
        'sluice.model': 'fashion',
        'sluice.image': digest,
        'sluice.route': 'cpu',
      },
    });
    const phases = collector.spans.filter(({ parentSpanId }) => parentSpanId === server.spanId);
    expect(phases.map((span) => span.name).sort()).toEqual(['compute', 'decode', 'encode', 'queue']);

    await grpc.call('ModelInfer', { ...request, model_name: 'other' }, { metadata });
    const failed = await collector.until(({ attributes }) => attributes['error.type'] !== undefined);
    expect(failed.attributes).toMatchObject({ 'rpc.grpc.status_code': 5, 'error.type': 'unknown_model' });
    expect(failed.status).toEqual({});

    const stream = grpc.stream({ metadata });
    stream.call.write(request);
    stream.call.write(request);
    await stream.next(2);
    stream.call.end();
    const streamed = (): unknown[] =>
      collector.spans.filter((span) => span.name.endsWith('/ModelStreamInfer'));
    await collector.until(() => streamed().length === 2);

    // Probes are not traced, and what is no parent begins a trace.
    expect((await grpc.call('ServerLive', {}, { metadata })).metadata.get('traceparent')).toEqual([]);
    const other = await grpc.call(
      'ModelReady',
      { name: 'fashion' },
      { metadata: { traceparent: '00-x-y-01' } },
    );
    expect(String(other.metadata.get('traceparent'))).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(String(other.metadata.get('traceparent'))).not.toContain(traceId);
  });

  it("are sampled as the caller says, else by the ratio, and never of a probe's requests", async () => {
    const collector = await startCollector();
    const endpoint = { otlpEndpoint: collector.url, traceSampleRatio: 0 };
    const scoring = await startScoring({ endpoint, limits });
    await scoring.deploy('fashion');
    const unsampled = await scoring.post(infer, body);
    expect(unsampled.headers.get('traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    await scoring.post(infer, body, { headers: { traceparent: sampled.replace(/01$/, '00') } });
    for (const path of ['/', '/v2/health/live', '/v2/health/ready', '/metrics']) {
      const probe = await scoring.get(path, { traceparent: sampled });
      expect([path, probe.status, probe.headers.get('traceparent')]).toEqual([path, 200, null]);
    }
    await scoring.post(infer, body, { headers: { traceparent: sampled } });
    await collector.until(({ kind }) => kind === 2);
    expect(collector.spans.filter(({ kind }) => kind === 2).map(({ traceId: id }) => id)).toEqual([traceId]);
  });

  it('that the collector does not take disturb nothing: kept while there is room, then given up', async () => {
    const collector = await startCollector((request) => (request < 2 ? 503 : request === 2 ? 400 : 200));
    const lines: { level: number; msg: string }[] = [];
    const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
    const scoring = await startScoring({
      log,
      endpoint: { otlpEndpoint: collector.url },
      limits: { traces: { ...limits.traces, spansMax: 12, batchSpansMax: 5 } },
    });
    await scoring.deploy('fashion');
    for (let request = 0; request < 4; request += 1)
      expect((await scoring.post(infer, body)).status).toBe(200);
    // Whole again, it takes what was kept: the first batch came three times and was refused for good.
    await collector.until(({ kind }) => kind === 2);
    expect(collector.statuses.slice(0, 4)).toEqual([503, 503, 400, 200]);
    // One line, although it failed three times.
    expect(lines.map(({ level }) => level)).toEqual([40]);
    const { text } = await scoring.get('/metrics');
    expect(Number(/sluice_trace_spans_total\{result="dropped"\} (\d+)/.exec(text)?.[1])).toBeGreaterThan(0);
  });

  it('are off without a collector: the caller and its script see what was sent', async () => {
    const lines: { traceId?: string; status?: number }[] = [];
    const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
    const scoring = await startScoring({ log });
    await scoring.deploy('echo', { script });
    const answer = await scoring.post('/score', '', { headers: { traceparent: sampled } });
    expect(answer.headers.get('traceparent')).toBeNull();
    expect(answer.json).toMatchObject({ traceparent: sampled });
    while (!lines.some(({ status }) => status === 200))
      await new Promise((resolve) => setTimeout(resolve, 5));
    expect(lines.find(({ status }) => status === 200)?.traceId).toBe(traceId);
  });
});
