import { describe, expect, it } from 'vitest';
import { parserOf } from '../../../base/validate.ts';
import { ReportedDocument } from '../../../contract/messages.ts';

const parser = parserOf(ReportedDocument, { what: 'reported document', code: 'invalid_request' });

const reported: ReportedDocument = {
  schemaVersion: 1,
  device: 'one',
  boot: 'b',
  sequence: 0,
  reportedAt: '2026-01-01T00:00:00.000Z',
  seen: null,
  applied: null,
  refused: null,
  scoring: { state: 'down', port: 0, restarts: 0 },
  deployments: {},
  npu: null,
  disk: { freeBytes: 0 },
  agentVersion: '0.0.0',
};

describe('a reported document', () => {
  it.each([[{ 'not a name': null }], [{ '\u001b[2J': {} }], [{ fine: null }]])(
    'holds nothing unchecked among its deployments: %j',
    (deployments) => {
      expect(parser.parse(reported)).toEqual(reported);
      expect(() => parser.parse({ ...reported, deployments })).toThrowError(
        expect.objectContaining({ code: 'invalid_request' }),
      );
    },
  );
});
