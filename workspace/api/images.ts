import type { FastifyInstance } from 'fastify';
import { parserOf } from '../../base/validate.ts';
import { BuildImage } from '../../contract/workspace-api.ts';
import type { ImageRegistry } from '../registry/image-registry.ts';
import { pathReference } from './parsing.ts';
import { imageView } from './views.ts';

const buildParser = parserOf(BuildImage, { what: 'body', code: 'invalid_request' });

/** `/images`: build, list, show; how one is served. */
export function imageRoutes(app: FastifyInstance, options: { images: ImageRegistry }): void {
  const { images } = options;
  app.get('/images', async () => ({ items: images.list().map(imageView) }));
  app.post('/images', async (request, reply) => {
    const { image, created } = await images.build(buildParser.parse(request.body));
    return reply.status(created ? 201 : 200).send(imageView(image));
  });
  app.get('/images/:reference', async (request) => {
    const { name, version } = pathReference(request.params);
    return imageView(images.get(name, version));
  });
  app.get('/images/:reference/run', async (request) => {
    const { name, version } = pathReference(request.params);
    return images.runManifest(images.get(name, version));
  });
}
