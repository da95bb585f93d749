import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type Type from '#typebox';
import {
  BlobRequest,
  DesiredDeployment,
  DesiredDocument,
  DesiredEndpoint,
  desiredPayloadType,
  ImageSignature,
  imageSignaturePayloadType,
  Presence,
  ReportedDocument,
  SignedEnvelope,
} from '../../contract/messages.ts';
import { deviceTopics, workspaceWideFilter } from '../../contract/topics.ts';
import { repositoryPath } from '../support/paths.ts';

const page = await readFile(repositoryPath('docs', 'reference', 'mqtt.md'), 'utf8');

/** First cells, written as code, of the tables below a heading and before the next one. */
function firstCells(heading: string): string[] {
  const start = page.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`docs/reference/mqtt.md: no heading "${heading}"`);
  const rest = page.slice(start + heading.length + 2);
  const end = rest.search(/^#/m);
  const section = end < 0 ? rest : rest.slice(0, end);
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? '');
}

describe('docs/reference/mqtt.md', () => {
  it('lists exactly the topics of the contract', () => {
    const { upFilter, downFilter, ...leaves } = deviceTopics({
      workspace: '{workspace}',
      device: '{device}',
    });
    const topics = [...Object.values(leaves), workspaceWideFilter('{workspace}')];
    expect(firstCells('## Topics').sort()).toEqual(topics.sort());
    for (const leaf of Object.values(leaves)) {
      expect([upFilter, downFilter].some((filter) => leaf.startsWith(filter.slice(0, -1)))).toBe(true);
    }
  });

  it.each<[string, Type.TObject]>([
    ['Presence', Presence],
    ['ReportedDocument', ReportedDocument],
    ['SignedEnvelope', SignedEnvelope],
    ['DesiredDocument', DesiredDocument],
    ['DesiredDeployment', DesiredDeployment],
    ['DesiredEndpoint', DesiredEndpoint],
    ['ImageSignature', ImageSignature],
    ['BlobRequest', BlobRequest],
  ])('lists exactly the fields of %s', (name, schema) => {
    expect(firstCells(`### ${name}`)).toEqual(Object.keys(schema.properties));
  });

  it('names the payload types', () => {
    expect(page).toContain(`\`${desiredPayloadType}\``);
    expect(page).toContain(`\`${imageSignaturePayloadType}\``);
  });
});
