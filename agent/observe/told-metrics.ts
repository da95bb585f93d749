import { type Aggregator, AggregatorRegistry, type Metric, type Registry } from 'prom-client';
import { TurnTime } from './turn-time.ts';

/**
 * Metrics of one process as it tells them to another: by name, each the JSON of what prom-client has of it. Text in
 * the message, because all of it is read in one turn of the event loop: as objects it takes twice as long.
 */
export type ToldMetrics = Record<string, string>;

/**
 * Metrics of a process that say more of the one which is worst off than of an average. Of the starts the last one
 * counts: it changes when one process is replaced, and what that one had counted is gone.
 */
const isOfTheWorst = /^nodejs_eventloop_lag_(?!min_)|^process_start_time_seconds$/;

/** Everything in a registry, metric by metric, so that the event loop may turn between them. */
export async function tellMetrics(registry: Registry): Promise<ToldMetrics> {
  const turn = new TurnTime();
  const told: ToldMetrics = {};
  // The registry's list is of metrics, whatever its type says.
  for (const metric of registry.getMetricsAsArray() as unknown as Metric[]) {
    const { name, help, type, aggregator, values } = await metric.get();
    told[name] = JSON.stringify({
      ...{ name, help, type },
      aggregator: isOfTheWorst.test(name) ? ('max' satisfies Aggregator) : aggregator,
      // Means of nothing are no numbers, and JSON has none for them.
      values: values.filter(({ value }) => Number.isFinite(value)),
    });
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
