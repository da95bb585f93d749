import type { Digest } from '../../contract/names.ts';
import type { QueueLoad } from '../engines/engine.ts';
import type { InferenceStatistics } from '../scoring/inference-statistics.ts';
import type { ImageMeters } from './image-meters.ts';

/** A queue of an image: of a route, or of its scoring script. */
export interface ObservedQueue {
  route: string;
  load: QueueLoad;
}

/** An image that a deployment serves now, as a scrape sees it. */
export interface ObservedImage {
  /** Name of the deployment. */
  model: string;
  version: string;
  digest: Digest;
  meters: ImageMeters;
  statistics: InferenceStatistics;
  queues: readonly ObservedQueue[];
}

/** The images that are served now. */
export type ObserveImages = () => readonly ObservedImage[];
