import { AggregatorRegistry, type Registry } from 'prom-client';
import { pulledMetrics } from './pulled-metrics.ts';
import { TurnTime } from './turn-time.ts';

/**
 * Metrics of one process as it tells them to another: by name, each the JSON of what prom-client has of it. Text in
 * the message, because all of it is read in one turn of the event loop: as objects it takes twice as long.
 */
export type ToldMetrics = Record<string, string>;

/** Everything in a registry, metric by metric, so that the event loop may turn between them. */
export async function tellMetrics(registry: Registry): Promise<ToldMetrics> {
  const turn = new TurnTime();
  const told: ToldMetrics = {};
  for (const metric of pulledMetrics(registry)) {
    const { values, ...described } = await metric.get();
    // Means of nothing are no numbers, and JSON has none for them.
    const numbers = values.filter(({ value }) => Number.isFinite(value));
    told[described.name] = JSON.stringify({ ...described, values: numbers });
    await turn.next();
  }
  return told;
}

/** The text of a scrape of several processes: series with the same labels become one. */
export async function textOfAll(processes: readonly ToldMetrics[]): Promise<string> {
  const turn = new TurnTime();
  const texts: string[] = [];
  for (const name of new Set(processes.flatMap((told) => Object.keys(told)))) {
    const same = processes.flatMap(({ [name]: json }) => (json === undefined ? [] : [[JSON.parse(json)]]));
    texts.push(await AggregatorRegistry.aggregate(same).metrics());
    await turn.next();
  }
  return texts.join('\n');
}
