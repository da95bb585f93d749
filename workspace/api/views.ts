import { annotations } from '../../contract/image.ts';
import type { Deployment, Device, Image } from '../../contract/workspace-api.ts';
import type { ImageRegistry } from '../registry/image-registry.ts';
import type { DeploymentRecord } from '../storage/deployments.ts';
import type { DeviceRecord } from '../storage/devices.ts';
import type { ImageRecord } from '../storage/images.ts';

/** An image as the API shows it. */
export function imageView(image: ImageRecord): Image {
  return {
    name: image.name,
    version: image.version,
    digest: image.manifest.digest,
    sizeBytes: image.sizeBytes,
    model: `${image.modelName}:${image.modelVersion}`,
    accelerated: image.accelerated,
    layers: image.layers.map((layer) => ({
      path: layer.annotations?.[annotations.filepath] ?? '',
      mediaType: layer.mediaType,
      digest: layer.digest,
      sizeBytes: layer.size,
    })),
    createdAt: image.createdAt,
  };
}

/** A device as the API shows it: without its token's hash. */
export function deviceView(device: DeviceRecord): Device {
  const { name, createdAt, presence, reported } = device;
  return { name, createdAt, presence, reported };
}

/** A deployment as the API shows it. */
export function deploymentView(deployment: DeploymentRecord, images: ImageRegistry): Deployment {
  const { name, imageName, imageVersion, devices, collect, createdAt, updatedAt } = deployment;
  const { digest } = images.get(imageName, imageVersion).manifest;
  return { name, image: `${imageName}:${imageVersion}`, digest, devices, collect, createdAt, updatedAt };
}
