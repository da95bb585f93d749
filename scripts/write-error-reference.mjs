// Writes docs/reference/errors.md from the compiled contract; a test keeps the two equal.
import { writeFileSync } from 'node:fs';
import { errorCodes } from '../dist/contract/errors.js';

const rows = Object.entries(errorCodes).map(
  ([code, { status, meaning }]) => `| \`${code}\` | ${status} | ${meaning} |`,
);
const text = `# Error codes

Every error of Sluice is a \`SluiceError\` with one of these codes. Over HTTP it is answered with the status and the body
\`{"error": message, "message": message, "code": code}\`; over MQTT a device reports code and message. Written by
\`node scripts/write-error-reference.mjs\`.

| code | HTTP | meaning |
| --- | --- | --- |
${rows.join('\n')}
`;
writeFileSync(new URL('../docs/reference/errors.md', import.meta.url), text);
