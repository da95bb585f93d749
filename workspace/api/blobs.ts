import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { BlobStore } from '../../base/blob-store.ts';
import { SluiceError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import type { Digest } from '../../contract/names.ts';
import { pathDigest } from './parsing.ts';

/** `/blobs/:digest`: content-addressed files, in and out as streams. */
export function blobRoutes(app: FastifyInstance, options: { blobs: BlobStore }): void {
  const { blobs } = options;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));

  app.put('/blobs/:digest', async (request, reply) => {
    const digest = pathDigest(request.params);
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced > limits.blobBytesMax) {
      reply.header('connection', 'close');
      throw new SluiceError(
        'body_too_large',
        `blob: ${announced} bytes announced, at most ${limits.blobBytesMax} allowed`,
      );
    }
    if (!(request.body instanceof Readable)) {
      throw new SluiceError('invalid_request', "body: the blob's bytes are expected, but it is empty");
    }
    const known = await blobs.has(digest);
    // A refusal may leave a part of the body unread, and then nothing else can come over the connection.
    const sizeBytes = await store(blobs, request.body, digest).catch((thrown: unknown) => {
      reply.header('connection', 'close');
      throw thrown;
    });
    return reply.status(known ? 200 : 201).send({ digest, sizeBytes });
  });

  // Fastify's own HEAD of a GET route would say the length of the body that it leaves out, which is 0.
  app.head('/blobs/:digest', async (request, reply) => {
    const sizeBytes = await sizeOf(blobs, pathDigest(request.params));
    return reply.header('content-length', sizeBytes).type('application/octet-stream').send();
  });

  app.get('/blobs/:digest', { exposeHeadRoute: false }, async (request, reply) => {
    const digest = pathDigest(request.params);
    const sizeBytes = await sizeOf(blobs, digest);
    reply.header('content-length', sizeBytes).type('application/octet-stream');
    return reply.send(blobs.stream(digest));
  });
}

async function sizeOf(blobs: BlobStore, digest: Digest): Promise<number> {
  const size = await blobs.size(digest);
  if (size === undefined) throw new SluiceError('not_found', `blob ${digest} is not here`);
  return size;
}

/** A blob that is here already is verified and written again: it mends one that the disk damaged. */
async function store(blobs: BlobStore, body: Readable, digest: Digest): Promise<number> {
  try {
    return await blobs.putStream(body, digest);
  } catch (thrown) {
    if (thrown instanceof SluiceError && thrown.code === 'limit_exceeded') {
      throw new SluiceError('body_too_large', thrown.message, { cause: thrown });
    }
    throw thrown;
  }
}
