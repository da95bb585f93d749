import { describe, expect, it } from 'vitest';
import { reportPayload } from '../../../../agent/link/report-payload.ts';
import { parserOf } from '../../../../base/validate.ts';
import { limits } from '../../../../contract/limits.ts';
import { type ReportedDeployment, ReportedDocument } from '../../../../contract/messages.ts';

const parser = parserOf(ReportedDocument, { what: 'reported document', code: 'invalid_request' });
const digest = `sha256:${'a'.repeat(64)}`;

function documentOf(deployments: number, message: string): ReportedDocument {
  const deployment: ReportedDeployment = {
    active: digest,
    candidate: digest,
    lastGood: digest,
    phase: 'backoff',
    haveBytes: limits.blobBytesMax,
    needBytes: limits.blobBytesMax,
    error: { code: 'script_failed', message, at: '2026-01-01T00:00:00.000Z' },
  };
  const names = Array.from({ length: deployments }, (_, index) => `${'n'.repeat(60)}${index}`);
  return {
    schemaVersion: 1,
    device: 'd'.repeat(63),
    boot: 'b'.repeat(64),
    sequence: 0,
    reportedAt: '2026-01-01T00:00:00.000Z',
    seen: null,
    applied: null,
    refused: { code: 'desired_invalid', message, at: '2026-01-01T00:00:00.000Z' },
    scoring: { state: 'down', port: 0, restarts: 0 },
    deployments: Object.fromEntries(names.map((name) => [name, deployment])),
    npu: null,
    disk: { freeBytes: 0 },
    agentVersion: '0.0.0',
  };
}

describe('the payload of a reported document', () => {
  it('is the document as it is while it fits', () => {
    const document = documentOf(2, 'why');
    expect(JSON.parse(reportPayload(document))).toEqual(document);
  });

  it.each(['a', '\u0001', '\u6f22', '\u{1f680}'])(
    'fits with every deployment failing at length, in messages of %j',
    (character) => {
      const payload = reportPayload(documentOf(limits.deploymentsPerDeviceMax, character.repeat(1_024)));
      expect(Buffer.byteLength(payload)).toBeLessThanOrEqual(limits.reportedDocumentBytesMax);
      const { deployments } = parser.parseJson(payload);
      const messages = Object.values(deployments).map(({ error }) => error?.message ?? '');
      expect(messages).toHaveLength(limits.deploymentsPerDeviceMax);
      for (const message of messages) expect(message.startsWith(character)).toBe(true);
    },
  );
});
