import { SluiceError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import type { ReportedDocument } from '../../contract/messages.ts';

type ReportedError = ReportedDocument['refused'];

/** Characters of error messages that are tried one after the other until the document fits. */
const messageCharsSteps = [1024, 512, 256, 128, 64, 32] as const;

/**
 * The document as JSON. When many deployments fail at length, their messages are cut short: the codes
 * arrive whatever the scripts and engines had to say. Throws `limit_exceeded`.
 */
export function reportPayload(document: ReportedDocument): string {
  for (const charsMax of messageCharsSteps) {
    const payload = JSON.stringify(withShortMessages(document, charsMax));
    if (Buffer.byteLength(payload) <= limits.reportedDocumentBytesMax) return payload;
  }
  throw new SluiceError(
    'limit_exceeded',
    `reported document: larger than ${limits.reportedDocumentBytesMax} bytes`,
  );
}

function withShortMessages(document: ReportedDocument, charsMax: number): ReportedDocument {
  const deployments = Object.entries(document.deployments).map(([name, deployment]) => [
    name,
    { ...deployment, error: withShortMessage(deployment.error, charsMax) },
  ]);
  const refused = withShortMessage(document.refused, charsMax);
  return { ...document, refused, deployments: Object.fromEntries(deployments) };
}

function withShortMessage(error: ReportedError, charsMax: number): ReportedError {
  if (error === null || error.message.length <= charsMax) return error;
  return { ...error, message: [...error.message].slice(0, charsMax).join('') };
}
