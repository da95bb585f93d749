import type { FastifyInstance } from 'fastify';
import Type from '#typebox';
import { oneLine } from '../../base/mismatch.ts';
import { parserOf } from '../../base/validate.ts';
import { SluiceError } from '../../contract/errors.ts';
import { Digest, Name, parseReference, Reference } from '../../contract/names.ts';

const nameParser = parserOf(Type.Object({ name: Name }), { what: 'path', code: 'invalid_name' });
const digestParser = parserOf(Type.Object({ digest: Digest }), { what: 'path', code: 'invalid_name' });
const versionedParser = parserOf(Type.Object({ reference: Type.Union([Name, Reference]) }), {
  what: 'path',
  code: 'invalid_name',
});

/** The `:name` of a path. Throws `invalid_name`. */
export function pathName(params: unknown): Name {
  return nameParser.parse(params).name;
}

/** The `:digest` of a path. Throws `invalid_name`. */
export function pathDigest(params: unknown): Digest {
  return digestParser.parse(params).digest;
}

/** The `:reference` of a path: `name:version`, or `name` for the newest version. Throws `invalid_name`. */
export function pathReference(params: unknown): { name: Name; version?: number } {
  const { reference } = versionedParser.parse(params);
  return reference.includes(':') ? parseReference(reference) : { name: reference };
}

/** Reads every body as JSON, whatever content type it has, also none: `curl -d` claims to send a form. */
export function readBodiesAsJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addHook('onRequest', async (request) => {
    // Fastify answers 415 to a header that it cannot parse.
    delete request.raw.headers['content-type'];
  });
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, JSON.parse(body.toString()));
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      done(
        new SluiceError('invalid_json', `body: ${oneLine(`not JSON, or cut off (${reason})`)}`, {
          cause: thrown,
        }),
      );
    }
  });
}
