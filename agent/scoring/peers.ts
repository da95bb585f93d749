import type { Name } from '../../contract/names.ts';
import type { ToldMetrics } from '../observe/told-metrics.ts';
import type { ModelStatistics } from './open-inference/statistics.ts';

/** The other scoring processes of this device, which serve the same. */
export interface Peers {
  /** What each of the others counts for these models. Throws `not_ready` when one does not answer in time. */
  statistics(models: readonly Name[]): Promise<ModelStatistics[][]>;
  /** What each of the others measured, of those that tell it in time. Never throws. */
  metrics(): Promise<ToldMetrics[]>;
  /**
   * Takes a model out of service in every process, this one included, or puts it back. Throws what loading the image
   * throws in any; it is then unloaded in all.
   */
  controlModel(model: Name, action: 'load' | 'unload'): Promise<void>;
}
